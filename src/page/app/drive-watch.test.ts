import { expect, it, vi } from "vitest";
import { Drive } from "../../machine/drive/drive.ts";
import type { DriveLayer } from "../../machine/drive/queue.ts";
import type { Notice } from "../model/model.ts";
import { watchDrives } from "./drive-watch.ts";

it("a machine that ends while its disk has no room says what is lost, and lets the next one have the disk", async () => {
  const close = vi.fn(async () => undefined);
  const layer: Partial<DriveLayer> = {
    write: () => Promise.reject(new DOMException("full", "QuotaExceededError")),
    close,
  };
  const source = {
    name: "disk.img",
    size: 512,
    identity: "one",
    read: async () => new Uint8Array(512),
  };
  const drive = new Drive(source, layer as DriveLayer);
  const shown = new Map<string, Notice>();
  const release = vi.fn();
  const end = watchDrives(
    [drive],
    { hold: () => release },
    { show: (notice) => shown.set(notice.id, notice), dismiss: (id) => shown.delete(id as string) },
    () => undefined,
  );
  drive.set(0, new Uint8Array(512), () => undefined);
  await vi.waitUntil(() => shown.has("drive"));
  end();
  await expect(drive.close()).rejects.toThrow("no room left");
  expect(close).toHaveBeenCalledOnce();
  expect(release).toHaveBeenCalledOnce();
  expect(Array.from(shown.values())).toMatchObject([
    { title: "What the guest wrote last to its disk is lost.", text: expect.stringContaining("disk.img") },
  ]);
});
