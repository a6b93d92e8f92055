#!/usr/bin/env node
/**
 * What `npm start`, `npm test` and the other scripts start: plain JavaScript without a dependency, so that it runs in
 * a fresh clone. It installs what the verb needs (npm's packages, Debian's packages), saying so, and then runs the
 * verb's TypeScript file with the given arguments.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** Debian's packages by what they are for. A package counts as there when its file is. */
const TOOLS = {
  swtpm: { swtpm: "/usr/bin/swtpm" },
  images: {
    gcc: "/usr/bin/gcc",
    "libc6-dev": "/usr/include/stdio.h",
    "xz-utils": "/usr/bin/xz",
    // Ubuntu does not come with the keys of Debian's archive, which the guest is from.
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
  },
  kernel: {
    make: "/usr/bin/make",
    flex: "/usr/bin/flex",
    bison: "/usr/bin/bison",
    bc: "/usr/bin/bc",
  },
  // The builder reads the same list.
  firmware: JSON.parse(readFileSync(join(ROOT, "src/node/images/edk2/build-packages.json"), "utf8")),
  debian: {
    mmdebstrap: "/usr/bin/mmdebstrap",
    "arch-test": "/usr/bin/arch-test",
    uidmap: "/usr/bin/newuidmap",
    e2fsprogs: "/sbin/mke2fs",
  },
  disks: {
    fdisk: "/usr/sbin/sfdisk",
    mtools: "/usr/bin/mformat",
    binutils: "/usr/bin/objcopy",
  },
  qemu: { "qemu-system-x86": "/usr/bin/qemu-system-i386" },
  browser: { chromium: "/usr/bin/chromium" },
  otherBrowser: { "firefox-esr": "/usr/bin/firefox-esr" },
  acpi: { "acpica-tools": "/usr/bin/iasl" },
  test: {
    unzip: "/usr/bin/unzip",
    websockify: "/usr/bin/websockify",
    tshark: "/usr/bin/tshark",
    "tpm2-tools": "/usr/bin/tpm2",
    "swtpm-tools": "/usr/bin/swtpm_ioctl",
    cpio: "/usr/bin/cpio",
    "qemu-utils": "/usr/bin/qemu-img",
    e2fsprogs: "/sbin/e2fsck",
    gnupg: "/usr/bin/gpg",
    xxd: "/usr/bin/xxd",
    "dpkg-dev": "/usr/bin/dpkg-source",
    patch: "/usr/bin/patch",
    sbsigntool: "/usr/bin/sbverify",
  },
};

const TO_BOOT = ["swtpm", "images", "kernel", "firmware", "disks", "qemu", "acpi", "test"];
const EVERYTHING = [...TO_BOOT, "browser", "otherBrowser"];

/** The verbs: the file to run, beside this one, with the part of it that is wanted, and the tools that it needs. */
const VERBS = {
  start: { file: "start.ts", needs: ["swtpm", "images", "kernel", "firmware", "disks"] },
  test: { file: "test.ts", needs: EVERYTHING },
  unit: { file: "test.ts", part: "unit", needs: [] },
  long: { file: "test.ts", part: "long", needs: [] },
  native: { file: "test.ts", part: "native", needs: ["swtpm", "images", "disks", "acpi", "test"] },
  machine: { file: "test.ts", part: "machine", needs: TO_BOOT },
  e2e: { file: "test.ts", part: "e2e", needs: EVERYTHING },
  package: { file: "package.ts", needs: [] },
  build: { file: "build.ts", needs: ["swtpm", "images", "kernel", "firmware", "disks"] },
  images: { file: "images.ts", needs: ["images", "kernel"] },
  acpi: { file: "acpi.ts", needs: ["acpi"] },
  kernel: { file: "kernel.ts", needs: ["swtpm", "images", "kernel"] },
  debian: { file: "debian.ts", needs: ["images", "debian"] },
  firmware: { file: "firmware.ts", needs: ["images", "firmware", "disks"] },
  bridge: { file: "../bridge/main.ts", needs: ["swtpm"] },
  bench: { file: "bench.ts", needs: ["swtpm", "images", "kernel", "qemu", "browser"] },
  qtest: { file: "qtest.ts", needs: ["swtpm"] },
  release: { file: "release.ts", needs: [] },
  results: { file: "results.ts", needs: [] },
  swtpm: { file: "swtpm.ts", needs: ["images", "kernel"] },
};

const say = (line) => console.error(`[set-up] ${line}`);

function stop(message) {
  console.error(`\n${message}`);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  stop(`Node ${process.versions.node} is too old: version 20.19 or later is needed.`);
}

/** Runs a program with its output shown. @returns what went wrong, if anything did. */
function run(program, args) {
  const { error, status } = spawnSync(program, args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (error) return `${program} cannot be started (${error.message})`;
  return status === 0 ? undefined : `${program} ${args.join(" ")} failed`;
}

/** npm writes both files in one go, in no certain order. */
const LOCK_SLACK_MS = 60_000;

const time = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function installNodeModules() {
  const installed = time(join(ROOT, "node_modules/.package-lock.json"));
  if (installed + LOCK_SLACK_MS >= time(join(ROOT, "package-lock.json"))) return;
  say(
    installed === 0
      ? "installing npm's packages (npm ci)"
      : "npm's packages are older than package-lock.json: npm ci",
  );
  // Chromium comes from Debian; Playwright need not bring another.
  process.env.PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD = "1";
  const problem = run("npm", ["ci", "--no-audit", "--no-fund"]);
  if (problem) {
    stop(
      `${problem}; what it printed above says why. Without a network it cannot work (behind a proxy: npm config set ` +
        "proxy URL), and it needs some 500 MB of disk. Then start again: it begins anew.",
    );
  }
}

/** How this user may run apt-get: directly as root, through sudo where it asks nothing, or not at all. */
function aptPrefix() {
  if (process.getuid?.() === 0) return [];
  if (spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0) return ["sudo", "-n"];
  return undefined;
}

function installDebianPackages(needs) {
  const wanted = needs.flatMap((need) => Object.entries(TOOLS[need]));
  const missing = wanted.filter(([, file]) => !existsSync(file)).map(([name]) => name);
  if (missing.length === 0) return;
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...missing];
  if (!existsSync("/usr/bin/apt-get")) {
    stop(`These programs are missing, and there is no apt-get to install them with: ${missing.join(", ")}.`);
  }
  const prefix = aptPrefix();
  if (!prefix) {
    stop(`Debian packages are missing. Install them, then start again:\n\n  sudo ${install.join(" ")}\n`);
  }
  say(`installing Debian's packages: ${missing.join(", ")}`);
  const [program, ...first] = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive"];
  // One index of many that cannot be had need not matter: what is missing then, the installation says.
  const problem = run(program, [...first, "apt-get", "update", "-q", "-oAPT::Update::Error-Mode=any"]);
  if (problem) say(`${problem}; going on with the package lists that there are`);
  // Another installation may be at it just now, e.g. the nightly one.
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  const failure = run(program, [...first, ...install, "-q", "-o", "Dpkg::Use-Pty=0", ...wait]);
  if (failure) {
    stop(
      `${failure}${problem ? ", and the package lists could not be fetched: is there a network?" : ""}\n` +
        `Install what is missing, then start again:\n\n  sudo ${install.join(" ")}\n`,
    );
  }
  say("Debian's packages are installed");
}

/** Runs the verb in a child process that gets this one's signals, and ends as it ends. */
function runVerb(file, args) {
  const tsx = join(ROOT, "node_modules/tsx/dist/cli.mjs");
  const child = spawn(process.execPath, [tsx, join(ROOT, "src/node/tools", file), ...args], {
    stdio: "inherit",
  });
  // A Ctrl-C in a terminal reaches the child by itself; waiting here lets it end in its own way.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => stop(`${file} cannot be started: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

const [name, ...args] = process.argv.slice(2);
const verb = VERBS[name];
if (!verb) stop(`usage: npm start | npm test | npm run ${Object.keys(VERBS).slice(2).join(" | ")}`);
checkNode();
installNodeModules();
if (!args.includes("--help")) installDebianPackages(verb.needs);
runVerb(verb.file, verb.part ? ["--part", verb.part, ...args] : args);
