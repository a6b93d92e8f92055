/** What the specs of the page's headers share: what a browser says against the page, and pages of other origins. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, type Page } from "@playwright/test";

/** Everything that the browser has refused the page and its workers, from now on, as it reports it. */
export async function refusals(page: Page): Promise<string[]> {
  const found: string[] = [];
  await page.exposeFunction("noteRefusal", (what: string) => found.push(what));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sourceFile }) => {
      const note = (window as unknown as { noteRefusal(what: string): void }).noteRefusal;
      note(`${effectiveDirective}: ${blockedURI} (${sourceFile})`);
    });
  });
  // A worker's refusals come here only.
  page.on("console", (message) => {
    if (/Content Security Policy|Permissions-Policy|Cross-Origin-/i.test(message.text()))
      found.push(message.text());
  });
  return found;
}

/** Shows every pane of the page once. */
export async function showPanes(page: Page): Promise<void> {
  const tabs = page.getByRole("tab");
  const count = await tabs.count();
  expect(count).toBeGreaterThan(8);
  for (let i = 0; i < count; i++) {
    await tabs.nth(i).click();
    await expect(tabs.nth(i)).toHaveAttribute("aria-selected", "true");
  }
}

/** Puts scripts into the page in every way that a fault of the page could, and says which of them have run. */
export function injectScripts(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const ran: string[] = [];
    (window as unknown as { ran: string[] }).ran = ran;
    const script = document.createElement("script");
    script.textContent = "window.ran.push('inline')";
    const module = document.createElement("script");
    module.type = "module";
    module.textContent = "window.ran.push('inline module')";
    const foreign = document.createElement("script");
    foreign.src = "data:text/javascript,window.ran.push('data')";
    const blob = document.createElement("script");
    blob.src = URL.createObjectURL(new Blob(["window.ran.push('blob')"], { type: "text/javascript" }));
    document.body.append(script, module, foreign, blob);
    const holder = document.createElement("div");
    holder.innerHTML = `<img src="/nothing.png" onerror="window.ran.push('attribute')">
      <a href="javascript:window.ran.push('address')">x</a>
      <iframe srcdoc="<script>parent.ran.push('frame')</script>"></iframe>`;
    document.body.append(holder);
    holder.querySelector("a")!.click();
    await Promise.all([
      new Promise((done) => holder.querySelector("img")!.addEventListener("error", done)),
      ...[foreign, blob].map((one) => new Promise((done) => one.addEventListener("error", done))),
    ]);
    // Code out of text is not compiled; in the page's own task, for the debugger's own is not held to it.
    await new Promise<void>((done) => {
      const timer = () => {
        try {
          new Function("window.ran.push('compiled')")();
        } catch {
          // As it should.
        }
        done();
      };
      setTimeout(timer);
    });
    return ran;
  });
}

/** A page of another origin with `inside` in a frame. */
export async function framing(): Promise<{ origin: string; show(inside: string): string; stop(): void }> {
  const server = createServer((request, response) => {
    const inside = new URL(request.url ?? "/", "http://frame").searchParams.get("inside") ?? "";
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(
      `<!doctype html><title>Frame</title><iframe src="${inside}" width="1000" height="700"></iframe>`,
    );
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    show: (inside) => `${origin}/?inside=${encodeURIComponent(inside)}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The browser shows an error of its own in the frame, and nothing of the page. */
export async function expectRefused(page: Page): Promise<void> {
  await expect.poll(() => page.frames()[1]?.url()).toMatch(/^chrome-error:/);
}
