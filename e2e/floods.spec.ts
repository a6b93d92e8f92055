/**
 * Guests that do one thing as fast as they can: the page stays usable, and what it keeps of that is bounded. Each is
 * a boot sector that never ends. `FLOOD_MINUTES` makes each of them last.
 */
import { expect, type Page, test } from "@playwright/test";
import type { PageState } from "../src/page/model/model.ts";

const MINUTES = Number(process.env.FLOOD_MINUTES ?? 0);

/** To protected mode with flat segments, then what follows at 0x7c39. */
const PROTECTED =
  "fa31c08ed80f01162f7c0f20c00c010f22c0ea357c08000000000000000000ffff0000009acf00ffff00000092cf001700177c000066b810008ed88ec0";

interface Flood {
  name: string;
  /** A pane that has to do with it, and is in sight meanwhile. */
  pane: string;
  /** Code of the boot sector, in hex. */
  code: string;
  /** How far it has come, as a number that grows: in the page. */
  count: (state: PageState) => number;
  /** So far it has to come; more than any bound of what is kept. */
  until: number;
  /** Byte arrays that are kept, and nodes of the page, at most. */
  arrays: number;
  nodes: number;
}

const FLOODS: Flood[] = [
  {
    // mov dx,0x3f8; then for ever: out a newline, and 70 times "x"
    name: "serial output",
    pane: "serial",
    code: "baf803b00aeeb94600b078eee2fbebf3",
    count: () => window.flood.serial,
    until: 6 * 2 ** 20,
    // Pieces of output.
    arrays: 60_000,
    nodes: 4000,
  },
  {
    // for ever: read TPM_STS_0
    name: "register reads",
    pane: "trace",
    code: `${PROTECTED}bb0000d4fe8b4318ebfb`,
    count: ({ recorder }) => recorder.ring.end,
    until: 1_500_000,
    arrays: 4000,
    nodes: 4000,
  },
  {
    // for ever: fill the event-log area with events of 32 bytes for PCR 0, whose digests begin with a count
    name: "writes to the event log",
    pane: "eventlog",
    code: `${PROTECTED}bf0000d5fec70700000000c7470405000000894708c7471c000000004083c72081ff0000d6fe75ddebd6`,
    count: () => window.flood.logs,
    until: 50,
    // 2048 events, in the log and in its replay; a thousand rows.
    arrays: 40_000,
    nodes: 40_000,
  },
  {
    // locality 0; then for ever: commandReady, TPM2_GetRandom of 8 bytes through the FIFO, tpmGo, the response
    name: "TPM commands",
    pane: "commands",
    code: `${PROTECTED}bb0000d4fec603028a03a82074fac64318408a4318a84074f9be7f7c0000b90c000000ac884324e2fac64318208a431824903c9075f78a43248a4318a81075f6ebcc80010000000c0000017b0008`,
    count: ({ guestCommands }) => guestCommands,
    until: 9000,
    // 5000 commands with their answers; the rows in sight.
    arrays: 12_000,
    nodes: 4000,
  },
];

declare global {
  interface Window {
    /** What has come so far. */
    flood: { serial: number; logs: number };
  }
}

interface PageElement extends HTMLElement {
  store: { readonly state: PageState; subscribe(listener: (state: PageState) => void): void };
}

function bootSector(code: string): Buffer {
  const image = Buffer.alloc(1_474_560);
  image.set(Buffer.from(code, "hex"));
  image.set([0x55, 0xaa], 510);
  return image;
}

/** How far the flood has come. */
function progress(page: Page, { count }: Flood): Promise<number> {
  return page.evaluate(
    ([text]) => {
      const { state } = (document.querySelector("webtpm-page") as PageElement).store;
      return (new Function(`return ${text}`)() as Flood["count"])(state);
    },
    [String(count)],
  );
}

/** What the page keeps, and what it has cost. */
async function kept(page: Page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devtools.send("Runtime.getHeapUsage");
  await devtools.detach();
  const counts = await page.evaluate(() => {
    const { state } = (document.querySelector("webtpm-page") as PageElement).store;
    let nodes = 0;
    const walker = document.createTreeWalker(document);
    while (walker.nextNode()) nodes++;
    return {
      nodes,
      commands: state.commands.length,
      accesses: state.recorder.ring.length,
      spans: state.recorder.commands.spans.length,
      output: state.tape?.serial.reduce((sum, { bytes }) => sum + bytes.length, 0) ?? 0,
      pieces: state.tape?.serial.length ?? 0,
      pcrs: state.tape?.pcrs.length ?? 0,
      text: window.webtpm.serial.text().length,
      notices: state.notices.length,
      events: state.log?.log.events.length ?? 0,
    };
  });
  return { ...counts, heapMiB: Math.round(usedSize / 2 ** 20) };
}

/** Byte arrays alive, whoever holds them. */
async function byteArrays(page: Page): Promise<number> {
  const devtools = await page.context().newCDPSession(page);
  const text: string[] = [];
  devtools.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => text.push(chunk));
  await devtools.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  await devtools.detach();
  const { snapshot, nodes, strings } = JSON.parse(text.join(""));
  const fields: string[] = snapshot.meta.node_fields;
  const name = fields.indexOf("name");
  const bytes = strings.indexOf("Uint8Array");
  let count = 0;
  for (let at = name; at < nodes.length; at += fields.length) if (nodes[at] === bytes) count++;
  return count;
}

type Kept = Awaited<ReturnType<typeof kept>>;

const BOUNDS: Omit<Kept, "heapMiB" | "nodes"> = {
  commands: 5000,
  accesses: 1_000_000,
  spans: 5000,
  output: 4 * 2 ** 20,
  pieces: 50_000,
  pcrs: 2000,
  text: 2 ** 20,
  notices: 6,
  events: 2048,
};

function expectBounded({ nodes }: Flood, { heapMiB: _, ...counts }: Kept): void {
  const most: typeof counts = { ...BOUNDS, nodes };
  const beyond = Object.entries(counts).filter(([name, count]) => count > most[name as keyof typeof counts]);
  expect(beyond).toEqual([]);
}

/** The page does what is clicked at, with the flood going on. */
async function answersToAClick(page: Page, { pane }: Flood): Promise<void> {
  for (const id of ["machine", pane]) {
    await page.locator(`#tab-${id}`).click();
    await expect(page.locator(`#tab-${id}`)).toHaveAttribute("aria-selected", "true");
  }
}

for (const flood of FLOODS) {
  test(`${flood.name} without end: bounded, and the page's buttons work`, async ({ page }) => {
    test.setTimeout((MINUTES + 8) * 60_000);
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(`/?backend=bridge&pane=${flood.pane}`);
    await page.evaluate(() => {
      window.flood = { serial: 0, logs: 0 };
      const { store } = document.querySelector("webtpm-page") as PageElement;
      store.state.serial.onData((bytes) => {
        window.flood.serial += bytes.length;
      });
      let watched: PageState["handle"];
      store.subscribe(({ handle }) => {
        if (!handle || handle === watched) return;
        watched = handle;
        handle.on("eventlog", () => window.flood.logs++);
      });
    });
    await page.locator("#tab-machine").click();
    await page.getByText("Kernel, command line, memory").click();
    const image = { name: "flood.img", mimeType: "application/octet-stream", buffer: bootSector(flood.code) };
    await page.getByLabel("Floppy: pick a file").setInputFiles(image);
    await page.getByRole("button", { name: "Boot the floppy flood.img with a TPM" }).click();
    await page.locator(`#tab-${flood.pane}`).click();
    await expect.poll(() => progress(page, flood), { timeout: 400_000 }).toBeGreaterThan(flood.until);
    const full = await kept(page);
    expectBounded(flood, full);

    const steps = MINUTES * 6;
    for (let step = 1; step <= steps; step++) {
      await page.waitForTimeout(10_000);
      await answersToAClick(page, flood);
      const now = await kept(page);
      expectBounded(flood, now);
      if (step % 6 === 0)
        console.log(`${flood.name}, ${step / 6} min:`, await progress(page, flood), JSON.stringify(now));
    }
    const end = await kept(page);
    expectBounded(flood, end);
    const arrays = await byteArrays(page);
    expect(arrays).toBeLessThan(flood.arrays);
    console.log(`${flood.name}: ${await progress(page, flood)}`, JSON.stringify({ full, end, arrays }));
    // What was full stays as large as it was.
    expect(end.heapMiB).toBeLessThan(full.heapMiB + 8);

    // In the order in which they are pressed, with the flood going on.
    for (const tab of ["PCRs", "Commands", "Event log", "Serial console"]) {
      await page.getByRole("tab", { name: tab }).click();
      await expect(page.getByRole("tab", { name: tab })).toHaveAttribute("aria-selected", "true");
    }
    const before = await progress(page, flood);
    expect(before).toBeGreaterThan(flood.until);
    await page.getByRole("button", { name: "Pause" }).click();
    await expect(page.getByRole("button", { name: "Go on" })).toBeVisible();
    await expect(page.locator('.status [data-name="Guest"]')).toContainText("held");
    await page.getByRole("button", { name: "Go on" }).click();
    await expect.poll(() => progress(page, flood)).toBeGreaterThan(before);
    await page.getByRole("button", { name: "Pause" }).click();
    await expect(page.getByRole("alert")).toHaveCount(0);
    expect(problems).toEqual([]);
  });
}
