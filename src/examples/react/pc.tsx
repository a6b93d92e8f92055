import { useEffect, useRef } from "react";
import "webtpm/elements";
import type { WebTpmCommands } from "webtpm/elements";
import { usePc } from "./use-pc.ts";

export function Pc({ images }: { images: string }) {
  const screen = useRef<HTMLDivElement>(null);
  const { tpm, message, pcrs } = usePc(images, screen);
  const bank = pcrs.find(({ algorithm }) => algorithm === "sha256");
  return (
    <main>
      <p role="status">{message}</p>
      <div ref={screen} style={{ whiteSpace: "pre", font: "14px monospace" }}>
        <div />
        <canvas />
      </div>
      <ol start={0} aria-label="PCRs">
        {bank?.values.slice(0, 8).map((value, pcr) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a PCR is its index.
          <li key={pcr}>
            <code>{Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")}</code>
          </li>
        ))}
      </ol>
      {tpm && <Commands tpm={tpm} />}
    </main>
  );
}

/** One of the library's own views: a custom element, whose property is set once it is there. */
function Commands({ tpm }: { tpm: NonNullable<WebTpmCommands["tpm"]> }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const view = document.createElement("webtpm-commands");
    view.tpm = tpm;
    host.current?.replaceChildren(view);
    return () => view.remove();
  }, [tpm]);
  return <div ref={host} />;
}
