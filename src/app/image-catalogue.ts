/** What the server offers to boot, and how far the small kernel and the UEFI firmware are that it may be building. */
import type { ImageManifest } from "../images/manifest.ts";
import type { PageStore } from "../page-model/model.ts";
import { imagesInfo, readManifest } from "./boot-images.ts";
import type { Notices } from "./notices.ts";

/** How often the page asks how far they are, in milliseconds. */
const POLL_MS = 5000;

const isUnderWay = (build: ImageManifest["kernelBuild"]) =>
  build?.state === "building" || build?.state === "waiting";

export class ImageCatalogue {
  readonly #store: PageStore;
  readonly #notices: Notices;
  readonly #boot: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param boot what a notice of a new kernel offers. */
  constructor(store: PageStore, notices: Notices, boot: () => void) {
    this.#store = store;
    this.#notices = notices;
    this.#boot = boot;
  }

  /** Shows what there is to boot, before anything is. */
  show(): void {
    this.read().catch((error: Error) =>
      this.#notices.show({
        id: "images",
        level: "warning",
        title: "The images are not there yet.",
        text: error.message,
        actions: [{ label: "Look again", run: () => this.show() }],
      }),
    );
  }

  /**
   * Reads the manifest and shows what is in it; goes on reading while something is being built.
   * @throws {ImageLoadError} when there is none.
   */
  async read(): Promise<ImageManifest> {
    const manifest = await readManifest();
    this.#store.update({ images: imagesInfo(manifest) });
    this.#notices.dismiss("images");
    clearTimeout(this.#timer);
    if ([manifest.kernelBuild, manifest.uefiBuild].some(isUnderWay)) this.#askAgain(manifest.kernels);
    return manifest;
  }

  /** @param before the kernels that there were. */
  #askAgain(before: ImageManifest["kernels"]): void {
    this.#timer = setTimeout(() => {
      this.read().then(
        ({ kernels }) => {
          if (kernels.small && !before.small) this.#kernelReady();
        },
        // The server is away; asking again will tell when it is back.
        () => this.#askAgain(before),
      );
    }, POLL_MS);
  }

  #kernelReady(): void {
    if (this.#store.state.machine.boots === 0) return;
    this.#notices.show({
      id: "kernel",
      level: "info",
      title: "The small kernel is ready.",
      text: "The next boot takes it and reaches the shell several times faster.",
      actions: [{ label: "Boot it now", run: this.#boot }],
    });
  }
}
