import { type RefObject, useEffect, useState } from "react";
import { V86 } from "v86";
import { attachTpm, createV86, loadHiddenImages, type PcrBank, type Tpm, V86_WASM } from "webtpm";

export interface PcState {
  tpm?: Tpm;
  /** What goes on, or why there is no TPM. */
  message: string;
  pcrs: PcrBank[];
}

/**
 * Boots a PC with a TPM as long as the component is there.
 * @param images address of the images' manifest
 * @param screen an element with a <div> and a <canvas>, which v86 draws into
 */
export function usePc(images: string, screen: RefObject<HTMLElement | null>): PcState {
  const [state, setState] = useState<PcState>({ message: "Loading …", pcrs: [] });
  useEffect(() => {
    const ends: (() => unknown)[] = [];
    let over = false;
    const tell = (news: Partial<PcState>) => {
      if (!over) setState((before) => ({ ...before, ...news }));
    };
    const start = async () => {
      const hidden = await loadHiddenImages(images);
      if (over) return;
      const { emulator, bus } = await createV86(
        V86,
        {
          bios: { buffer: hidden.bios },
          vga_bios: { buffer: hidden.vgaBios },
          memory_size: 64 << 20,
          ...(screen.current && { screen_container: screen.current }),
        },
        V86_WASM,
      );
      ends.push(() => emulator.destroy());
      if (over) return void emulator.destroy();
      const tpm = attachTpm(bus, { hidden });
      ends.push(() => tpm.close());
      ends.push(tpm.on("pcrs", (pcrs) => tell({ pcrs })));
      ends.push(tpm.on("status", ({ message }) => tell({ message })));
      tell({ tpm });
      await emulator.run();
      await tpm.ready;
    };
    start().catch(({ message }: Error) => tell({ message: `There is no TPM: ${message}` }));
    return () => {
      over = true;
      for (const end of ends.reverse()) end();
    };
  }, [images, screen]);
  return state;
}
