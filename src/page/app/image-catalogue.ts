/** What the server offers to boot, and how far the small kernel and the UEFI firmware are that it may be building. */
import type { ImageManifest, KernelName } from "../../session/images/manifest.ts";
import type { PageStore } from "../model/model.ts";
import { imagesInfo, readManifest } from "./manifest.ts";
import type { Notices } from "./notices.ts";

/** How often the page asks how far they are, in milliseconds. */
const POLL_MS = 5000;

const isUnderWay = (build: ImageManifest["kernelBuild"]) =>
  build?.state === "building" || build?.state === "waiting";

/** Which kernel the machine at hand boots. */
export interface Kernels {
  /** The one that it has booted before; undefined for a new machine. */
  usual(): Promise<KernelName | undefined>;
  /** Has it boot the small one from now on, and boots it. */
  takeSmall(): void;
}

export class ImageCatalogue {
  readonly #store: PageStore;
  readonly #notices: Notices;
  readonly #kernels: Kernels;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: PageStore, notices: Notices, kernels: Kernels) {
    this.#store = store;
    this.#notices = notices;
    this.#kernels = kernels;
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
   * @returns what there is, with the kernel that the machine at hand boots for the usual one.
   * @throws {ImageLoadError} when there is none.
   */
  async read(): Promise<ImageManifest> {
    const manifest = withKernel(await readManifest(), await this.#kernels.usual());
    this.#store.update({ images: imagesInfo(manifest) });
    this.#notices.dismiss("images");
    clearTimeout(this.#timer);
    if ([manifest.kernelBuild, manifest.uefiBuild, manifest.debianBuild].some(isUnderWay))
      this.#askAgain(manifest.kernels);
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
      text: "It reaches the shell several times faster. This machine goes on with the kernel that it has booted: another one is measured, and what was sealed to this boot would not open any more.",
      actions: [{ label: "Take the small kernel, and boot", run: () => this.#kernels.takeSmall() }],
    });
  }
}

/** The machine's own kernel for the usual one, where this server has it. */
function withKernel(manifest: ImageManifest, usual: KernelName | undefined): ImageManifest {
  const kernel = usual && manifest.kernels[usual];
  return kernel ? { ...manifest, kernel: usual, cmdline: kernel.cmdline } : manifest;
}
