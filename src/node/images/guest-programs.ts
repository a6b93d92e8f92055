/** Compiles the guest's own small programs in `guest/`: i386, no C library, so plain gcc does without a multilib. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./command.ts";

const DIRECTORY = fileURLToPath(new URL("guest/", import.meta.url));

const COMMON = [
  ..."-m32 -march=i686 -Os -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables".split(" "),
  ..."-nostdlib -s -Wl,--build-id=none,-z,noseparate-code,-z,norelro".split(" "),
];
const PROGRAM = ["-fno-pic", "-no-pie", "-static"];
const CURL_STUB = [
  "-fPIC",
  "-shared",
  `-Wl,-soname,libcurl-gnutls.so.4,--version-script,${join(DIRECTORY, "curl.map")}`,
];

const LIBRARY = ["-fPIC", "-shared"];

/** What the guest's initrd is made of. */
const GUEST_SOURCES = ["syscalls.h", "init.c", "rawtpm.c", "launch.c", "curl.c", "curl.map"];

/** Texts of these sources, for the key of the image. */
export async function guestSources(): Promise<string[]> {
  return Promise.all(
    GUEST_SOURCES.map(async (name) => `${name}\n${await readFile(join(DIRECTORY, name), "utf8")}`),
  );
}

async function compile(source: string, options: readonly string[], output: string): Promise<Uint8Array> {
  await run("gcc", [...COMMON, ...options, "-o", output, join(DIRECTORY, source)]);
  return readFile(output);
}

/** Compiles `guest/<name>.c` into a static program. @param scratch a directory for the result */
export function compileProgram(name: string, scratch: string): Promise<Uint8Array> {
  return compile(`${name}.c`, PROGRAM, join(scratch, name));
}

/** Compiles the stand-in for libcurl-gnutls.so.4. */
export function compileCurlStub(scratch: string): Promise<Uint8Array> {
  return compile("curl.c", CURL_STUB, join(scratch, "libcurl-gnutls.so.4"));
}

/** Compiles `guest/<name>.c` into a shared library. @param scratch a directory for the result */
export function compileLibrary(name: string, scratch: string): Promise<Uint8Array> {
  return compile(`${name}.c`, LIBRARY, join(scratch, `${name}.so`));
}
