/**
 * Every lesson, walked as its reader would: by what the steps offer. The first by keyboard alone. What the checks
 * say comes from a real TPM and, but for the lessons on the bench, a real guest.
 */
import { expect, type Page, test } from "@playwright/test";
import { LESSONS } from "../src/page/lessons/index.ts";
import { accessible } from "./accessible.ts";
import { untilShell } from "./page-guest.ts";

/** One TPM command of the guest on a machine that others use too, with the tools around it. */
const STEP_MS = 150_000;

let page: Page;

test.describe.configure({ mode: "serial" });
test.setTimeout(400_000);

test.beforeAll(async ({ browser }) => {
  const context = await browser.newContext({ colorScheme: "light" });
  page = await context.newPage();
  page.on("pageerror", (error) => console.error("page:", error));
  await page.goto("/");
});
test.afterAll(() => page.context().close());

const step = () => page.locator("lesson-step");
const goals = () => step().locator(".lesson-goals li");

async function open(id: string): Promise<void> {
  // In the page as it is: the machine goes on from lesson to lesson.
  await page.evaluate((link) => {
    location.hash = link;
  }, `lesson=${id}&step=1`);
  await expect(page.locator("tpm-lessons h3")).toHaveText(
    LESSONS.find((lesson) => lesson.id === id)?.title ?? "no such lesson",
  );
}

/** Brings up what the lesson says it needs, where it is not there from the one before. */
async function prepared(): Promise<void> {
  await expect(goals().first().locator(".lesson-found")).toBeVisible();
  const button = step().locator(".lesson-stage button");
  if (await button.isVisible()) await button.click();
}

/** Waits for the guest's shell where a line is to be typed, and types it. */
async function type(line: RegExp, at = 0): Promise<void> {
  const button = step()
    .getByRole("button", { name: new RegExp(`^Type it for me: ${line.source}`) })
    .nth(at);
  await expect(button).toBeEnabled({ timeout: STEP_MS });
  const before = await prompts();
  await button.click();
  // The next line is typed when the shell asks for it, as a reader would wait.
  await expect.poll(prompts, { timeout: STEP_MS }).toBeGreaterThan(before);
}

const prompts = () => page.evaluate(() => window.webtpm.serial.text().split("webtpm# ").length);

const press = (name: string) => step().getByRole("button", { name, exact: true }).first().click();

/** The step's goals are all reached; what they say is given back. */
async function reached(...found: (string | RegExp)[]): Promise<void> {
  await expect(step().locator('.lesson-goals li:not([data-state="met"])')).toHaveCount(0, {
    timeout: STEP_MS,
  });
  for (const text of found) await expect(step().locator(".lesson-goals")).toContainText(text);
}

const next = () => press("Next step");

/** Starts the machine anew, and waits until the shell of the one before is gone: it would take the next line. */
async function restart(name: string): Promise<void> {
  await press(name);
  await page.waitForFunction(() => !window.webtpm.serial.text().includes("webtpm# "));
}

/** All steps of the lesson count as done, and the list says so. */
async function finished(id: string): Promise<void> {
  await press("Finished: all lessons");
  await expect(page.locator(`[data-lesson="${id}"] .lesson-state`)).toHaveText("✓ done");
}

/** Goes on with Tab until that control has the focus, as somebody without a mouse does, and presses a key on it. */
async function tabTo(name: RegExp, key = "Enter"): Promise<void> {
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      // The registers' bits have the names of the driver's steps.
      if (element instanceof HTMLInputElement) return "";
      const label = element?.getAttribute("aria-label") ?? element?.closest("label")?.textContent;
      return (label ?? element?.textContent ?? "").trim();
    });
  for (let presses = 0; presses < 90; presses++) {
    if (name.test(await focused())) {
      await page.keyboard.press(key);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`no control ${name} is reached with Tab`);
}

test("1: talk to the TPM by hand, by keyboard alone", async () => {
  await tabTo(/^Begin with the lessons$/);
  await expect(page.locator("#pane-lessons :focus")).toContainText(
    "Watch a measured boot, and see why it matters",
  );
  // The tabs are one stop; arrows, Home and End move among them.
  await tabTo(/^Lessons$/, "Home");
  await expect(page.locator("#tab-machine")).toHaveAttribute("aria-selected", "true");
  await tabTo(/^Machine$/, "End");
  await expect(page.locator("#tab-lessons")).toHaveAttribute("aria-selected", "true");
  await tabTo(/^Talk to the TPM by hand/);
  await expect(step().locator("h4")).toContainText("A TPM without a computer");
  await tabTo(/^Put a TPM on the bench$/);
  await tabTo(/^Open the registers$/);
  await expect(page.locator("#pane-registers :focus")).toBeVisible();
  await reached("nobody else uses it");
  for (const [button, found] of [
    [/^requestUse$/, "the TPM is yours"],
    [/^commandReady$/, "has left Idle"],
    [/^write command$/, "12 bytes have gone in"],
    [/^tpmGo$/, "TPM2_Startup was answered TPM_RC_SUCCESS"],
    [/^read response$/, "10 bytes were read"],
  ] as const) {
    await tabTo(/^Next step$/);
    await tabTo(/^Go to the registers$/);
    // The keyboard is put where the work begins.
    await expect(page.locator("driver-panel :focus")).toHaveText(button);
    await page.keyboard.press("Enter");
    await reached(found);
  }
  await tabTo(/^Next step$/);
  await tabTo(/^Go to the registers$/);
  await expect(page.locator("driver-panel :focus")).toBeVisible();
  await tabTo(/^Examples/, "T");
  await page.keyboard.type("PM2_GetR");
  await expect(page.locator(".driver-caption .mono").first()).toHaveText("TPM2_GetRandom");
  for (const button of ["commandReady", "write command", "tpmGo", "read response", "give back"]) {
    // The driver's next step, once the device has taken the one before; another command may take the place of the last.
    const next = button === "commandReady" ? "give back" : button;
    await expect(page.locator("driver-panel [aria-current=step]")).toHaveText(next);
    await tabTo(new RegExp(`^${button}$`));
  }
  await reached(/It gave [0-9a-f]{16}\./, "No locality has it now");
  await tabTo(/^Finished: all lessons$/);
  await expect(page.locator('[data-lesson="tis"] .lesson-state')).toHaveText("✓ done");
});

test("12: the mailbox way", async () => {
  await open("crb");
  await press("Put a TPM with CRB on the bench");
  await press("Open the registers");
  await reached("It is there, and nobody else uses it.");
  const driver = (name: string) => page.locator("driver-panel").getByRole("button", { name, exact: true });
  await next();
  await driver("requestAccess").click();
  await driver("cmdReady").click();
  await reached("and it is awake");
  await next();
  await driver("fill the buffer").click();
  await reached("12 bytes lie in the buffer");
  await next();
  await driver("Start").click();
  await expect(page.locator("interface-states .state.current")).toContainText("completion");
  await driver("read response").click();
  await reached("TPM2_Startup was answered TPM_RC_SUCCESS", /\d+ bytes were read/);
  await next();
  await page.locator("driver-panel select").selectOption({ label: "TPM2_GetRandom (8 bytes)" });
  for (const button of ["cmdReady", "fill the buffer", "Start"]) await driver(button).click();
  await expect(page.locator("interface-states .state.current")).toContainText("completion");
  for (const button of ["read response", "goIdle", "give back"]) await driver(button).click();
  await reached(/It gave [0-9a-f]{16}\./, "The TPM is idle, and no locality has it.");
  await finished("crb");
});

test("15: a dynamic launch", async () => {
  await open("launch");
  await press("Put a TPM on the bench");
  await expect(step().getByRole("button", { name: "Send at locality 0" })).toBeEnabled();
  await press("Send at locality 0");
  await reached("nothing was launched since power-on");
  await next();
  await press("Send at locality 0");
  await reached("The TPM answered TPM_RC_LOCALITY");
  await next();
  await press("Go to the registers");
  const panel = page.getByRole("region", { name: "Dynamic launch" });
  const launch = async (text: string) => {
    await panel.getByLabel("Text that is measured").fill(text);
    await panel.getByRole("button", { name: "Launch" }).click();
  };
  await page.getByText("Dynamic launch (locality 4)").click();
  await launch("code to launch");
  await reached("extended with the hash of your 14 bytes", "tpmEstablishment of TPM_ACCESS reads 0");
  const first = (await page.evaluate(() => window.webtpm.pcrs()))[17];
  await next();
  await launch("code to launch");
  await expect(goals()).toContainText("That was the same text.");
  await launch("Code to launch");
  await reached("32 zeros extended", `Before it was ${first?.slice(0, 8)}`);
  await next();
  await launch("code to launch");
  await reached("The very same value");
  await accessible(page, "a dynamic launch");
  await finished("launch");
});

test("7: localities", async () => {
  await open("localities");
  await prepared();
  await press("Send at locality 0");
  await reached(/TPM2_Startup was answered TPM_RC_SUCCESS|It was started before/);
  await next();
  await press("Send at locality 0");
  await reached("The TPM answered TPM_RC_LOCALITY");
  await next();
  await press("Send at locality 2");
  await reached("TPM_RC_SUCCESS");
  await next();
  await press("Locality 0: requestUse");
  await press("Locality 1: requestUse");
  await reached("pendingRequest = 1");
  await next();
  await press("Locality 0: give back");
  await reached("activeLocality is 1 at locality 1");
  await next();
  await press("Locality 3: Seize");
  await press("Locality 3: give back");
  await reached("Locality 1 reads beenSeized = 1", "The door is free");
  await finished("localities");
});

test("4: watch a measured boot", async () => {
  await open("boot");
  await restart("Boot Linux with a TPM 2.0");
  await reached(/\d+ measurements are in the log/);
  await next();
  await press("Open the event log");
  await reached(/\d+ events; replayed, they give the values of \d+ PCRs/);
  await next();
  await type(/tr -d/);
  await reached("and so does the guest");
  await next();
  await type(/tpm2_pcrread sha256:0,8,9/);
  await reached("All three agree");
  await finished("boot");
});

test("0: why a measured boot matters", async () => {
  await open("why");
  await restart("Boot Linux with a TPM");
  await reached("PCRs 0 to 9 say what was started");
  await next();
  await type(/cd .tmp; tpm2_evictcontrol/);
  await reached("It stays in the TPM");
  await next();
  await type(/tpm2_unseal/);
  await reached("the key of the disk");
  await next();
  await restart("Boot the changed command line");
  await type(/tpm2_unseal/);
  await page.locator("#tab-pcrs").click();
  await reached("TPM_RC_POLICY_FAIL", "PCR 8, and no other");
  await next();
  await restart("Boot it as it was");
  await type(/tpm2_unseal/);
  await reached("the key of the disk");
  await finished("why");
});

test("2: random numbers", async () => {
  await open("random");
  await prepared();
  await type(/tpm2_getrandom --hex 8/);
  await reached(/It gave [0-9a-f]{16}\./);
  await next();
  await press("Open the commands");
  const wanted = await page.evaluate(() =>
    window.webtpm
      .commands()
      .findLast(({ name, request }) => name === "TPM2_GetRandom" && request.endsWith("0008")),
  );
  // A wrong pick is told.
  await page.locator(`.command-list [data-id]:not([data-id="${wanted?.id}"])`).last().click();
  await page.locator(`.command-list [data-id="${wanted?.id}"]`).click();
  await reached("the very bytes");
  await page.keyboard.press("Escape");
  await next();
  await type(/tpm2_getrandom --hex 11/);
  await expect(goals()).toContainText("1 of 2 draws");
  await type(/tpm2_getrandom --hex 11/, 1);
  await reached("not the same");
  await next();
  await type(/echo my cat/);
  await reached("bytes were stirred in");
  await finished("random");
});

test("3: PCRs and extend", async () => {
  await open("pcrs");
  await prepared();
  await type(/tpm2_pcrread/);
  await reached();
  await next();
  await type(/tpm2_pcrreset/);
  await expect(goals()).toContainText("0 of 1 extends");
  await type(/tpm2_pcrextend/);
  await reached("this is what the TPM holds");
  await next();
  await expect(goals()).toContainText("Foretold");
  const foretold = /Foretold: ([0-9a-f]{64})/.exec((await goals().textContent()) ?? "")?.[1];
  await type(/tpm2_pcrextend/);
  await reached(`PCR 16 is ${foretold}`);
  expect((await page.evaluate(() => window.webtpm.pcrs("sha256")))[16]).toBe(foretold);
  await next();
  await type(/tpm2_pcrreset/);
  await type(/tpm2_pcrextend/);
  await type(/tpm2_pcrextend/, 1);
  await reached("one way");
  await next();
  await type(/tpm2_pcrreset 0/);
  await reached("It answered TPM_RC_LOCALITY");
  await finished("pcrs");
});

test("8: keys and signing", async () => {
  await open("keys");
  await prepared();
  await type(/tpm2_createprimary/);
  await reached("Its public part begins");
  await next();
  await type(/tpm2_createprimary/);
  await reached("to the last bit");
  await next();
  await type(/tpm2_create /);
  await reached("bytes, encrypted");
  await next();
  await type(/echo/);
  await type(/tpm2_sign/);
  await reached("was signed by that key");
  await next();
  await type(/echo/);
  await type(/tpm2_verifysignature/);
  await reached("It answered TPM_RC_SIGNATURE", "was never signed by that key");
  await finished("keys");
});

test("10: NV counters, through a power cut and a reload", async () => {
  await open("nv");
  await prepared();
  await type(/tpm2_nvdefine/);
  await reached("is a counter");
  await next();
  await type(/tpm2_nvincrement/);
  await type(/tpm2_nvread/);
  await reached("It is 1.");
  await next();
  await restart("Power off and on");
  await untilShell(page);
  await type(/tpm2_nvread/);
  await reached("It is 1; 1 was noted");
  await next();
  await press("Reload this page");
  await expect(goals().first()).toContainText("It was.");
  await restart("Boot Linux with a TPM 2.0");
  await type(/tpm2_nvread/);
  await reached("It is 1; 1 was noted");
  await next();
  await type(/tpm2_nvundefine/);
  await type(/tpm2_nvdefine/);
  await type(/tpm2_nvincrement/);
  await type(/tpm2_nvread/);
  await reached("It is 2; the old one ended at 1");
  await finished("nv");
});

test("9: quote; the page is the verifier", async () => {
  await open("quote");
  await prepared();
  await type(/tpm2_createprimary/);
  await reached("noted its public part");
  await next();
  await type(/tpm2_quote/);
  await reached(
    "checked with the public key: good",
    "made after the page had asked",
    "what the log leads to",
  );
  await next();
  await type(/tpm2_quote/);
  await reached("who knows when it was made");
  await next();
  await type(/tpm2_pcrextend/);
  await type(/tpm2_quote/);
  await reached("something is not in it");
  await finished("quote");
});

test("6: seal a secret and lose it by tampering", async () => {
  await open("seal");
  // The lesson before has left PCR 8 extended; sealing takes it as it is after a boot.
  await page.evaluate(() => window.webtpm.boot());
  await untilShell(page);
  await type(/tpm2_createpolicy/);
  await reached();
  await next();
  await type(/tpm2_createprimary/);
  await type(/echo -n swordfish/);
  await type(/tpm2_evictcontrol/);
  await reached("through power cycles");
  await next();
  await type(/tpm2_unseal/);
  await reached("swordfish");
  await next();
  await restart("Boot the tampered command line");
  await type(/tpm2_unseal/);
  await reached("TPM_RC_POLICY_FAIL");
  await next();
  await restart("Boot the good command line");
  await type(/tpm2_unseal/);
  await reached("swordfish");
  await finished("seal");
});

test("13: polling against interrupts", async () => {
  await open("polling");
  await restart("Boot Linux with a TPM 2.0");
  await type(/grep tpm0/);
  await reached("Its shell takes lines.", "the driver polls");
  await next();
  await type(/time rawtpm/);
  await reached(/A command took \d+\.\d ms/);
  await next();
  await restart("Boot with the interrupt");
  await type(/grep tpm0/);
  await reached(/It was told something \d+ times/);
  await next();
  await type(/time rawtpm/);
  await type(/grep tpm0/);
  await reached(/A command took \d+\.\d ms; polling it was/, /\d+ interrupts have come: \d+\.\d a command/);
  await accessible(page, "polling against interrupts");
  await finished("polling");
});

test("14: physical presence", async () => {
  await open("presence");
  await prepared();
  await type(/tpm2_createprimary/);
  await type(/tpm2_evictcontrol/);
  await type(/tpm2_changeauth/);
  await reached("It has the handle 0x81000001", "Only who knows it");
  await next();
  await type(/tpm2_clear -c p/);
  await reached(/The TPM answered TPM_RC_BAD_AUTH/);
  await next();
  await type(/echo 5/);
  await press("See the request");
  await expect(page.locator('[data-presence="pending"]')).toContainText("Clear (operation 5)");
  await page.getByRole("button", { name: "Back to the lesson" }).click();
  await reached("is for the next boot");
  await next();
  await restart("Restart the machine");
  await reached("TPM2_Clear was answered TPM_RC_SUCCESS");
  await untilShell(page);
  await next();
  await type(/cat/);
  await type(/tpm2_readpublic/);
  await type(/tpm2_clear/);
  await reached("operation 5, result 0", "TPM_RC_HANDLE", "went through without one");
  await accessible(page, "physical presence");
  await finished("presence");
});

test("5: tamper and see it", async () => {
  await open("tamper");
  await reached("when all is well");
  await next();
  await restart("Boot the tampered command line");
  await reached("all others are the same");
  await next();
  await press("Open the event log");
  await reached(/Event \d+, in PCR 8:/);
  await next();
  await restart("Boot the good command line");
  await reached("All ten are as they were noted");
  await finished("tamper");
});

test("nothing bars anybody: axe finds no fault in the list or in a step, light or dark, wide or narrow", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.locator("#tab-lessons").click();
    await accessible(page, `${colorScheme}: list`);
    await open("tis");
    await accessible(page, `${colorScheme}: a step done`);
    await page.locator("#tab-serial").click();
    await expect(page.locator(".lesson-bar")).toBeVisible();
    await accessible(page, `${colorScheme}: the bar`);
    await page.getByRole("button", { name: "Back to the lesson" }).click();
    await open("families");
    await accessible(page, `${colorScheme}: a step not done`);
    await page.getByRole("button", { name: "All lessons" }).first().click();
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await open("pcrs");
  await accessible(page, "narrow");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("11: TPM 1.2 and 2.0", async () => {
  await open("families");
  await restart("Boot Linux with a TPM 1.2");
  await reached("behind the same registers");
  await next();
  await type(/cat/);
  await reached("24 PCRs", "One each: sha1");
  await next();
  await restart("Boot Linux with a TPM 2.0");
  await type(/tpm2_pcrread/);
  await reached("gave both banks", "the same way of extending");
  await finished("families");
});

test("UEFI: from the reset vector to a shell", async () => {
  await open("uefi-boot");
  await restart("Boot with UEFI");
  await reached(/\d+ events are in the firmware's log/);
  await next();
  await press("Open the timeline");
  await expect(page.locator(".timeline-legend")).toContainText("DXE");
  await reached("It is shown.");
  await next();
  await press("Open the event log");
  await reached(/It has: 2 volumes/);
  await next();
  await type(/ls/);
  await reached("There is the system table");
  await finished("uefi-boot");
});

test("UEFI: a BIOS beside it", async () => {
  test.setTimeout(800_000);
  await open("bios-uefi");
  await restart("Boot with a BIOS");
  await reached(/\d+ events are in the log/);
  await next();
  await press("Open the event log");
  await reached("Nothing else is in PCR 7");
  await next();
  await restart("Boot with UEFI");
  await reached("PCRs 0, 4, 7 are others");
  await next();
  await reached(/\d+ events in PCR 4, \d+ in PCR 7/);
  await finished("bios-uefi");
});

test("UEFI: what PCR 7 is", async () => {
  test.setTimeout(800_000);
  await open("pcr7");
  await press("Open the pane UEFI");
  await press("Take all keys out");
  await reached("This is setup mode.");
  await next();
  await restart("Boot with UEFI");
  await reached("is what SecureBoot, PK, KEK, db, dbx and a separator give");
  await next();
  await restart("Boot another command line");
  await reached("bit by bit");
  await finished("pcr7");
});

test("UEFI: Secure Boot accepts and refuses", async () => {
  test.setTimeout(1_200_000);
  await open("secure-boot");
  await press("Put the keys in");
  await reached("The platform key is there");
  await next();
  await restart("Boot the signed kernel");
  await reached("It runs, and PCR 7 is");
  await next();
  await restart("Boot the changed kernel");
  await reached("Access Denied", "nobody was let in");
  await next();
  await press("Revoke the kernel");
  await expect(goals().first()).toHaveAttribute("data-state", "met", { timeout: STEP_MS });
  await press("Boot the signed kernel");
  await reached("Access Denied");
  await next();
  await press("Take all keys out");
  await expect(goals().first()).not.toContainText("still there", { timeout: STEP_MS });
  await press("Boot the unsigned kernel");
  await reached(/\d+ events are in the firmware's log/);
  await finished("secure-boot");
});

test("progress is kept, and can be started over", async () => {
  await page.reload();
  await page.locator("#tab-lessons").click();
  await expect(page.locator('[data-lesson="families"] .lesson-state')).toHaveText("✓ done");
  await page.locator('[data-lesson="families"]').click();
  await page.getByRole("button", { name: "Start over" }).click();
  await expect(page.locator('.lesson-steps [data-done="true"]')).toHaveCount(0);
  await page.getByRole("button", { name: "All lessons" }).first().click();
  await expect(page.locator('[data-lesson="families"] .lesson-state')).toHaveText("5 min");
});
