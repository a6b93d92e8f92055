/** The link under long random sequences of accesses, each step checked; as link.test.ts has it in short. */
import { expect, it } from "vitest";
import { pause, startInThread } from "./testing/other-thread.ts";
import { walk } from "./testing/sequences.ts";

for (const [name, options] of [
  ["a TPM 2.0 that answers at once or late", { version: "2.0", delayMs: 2 }],
  ["a TPM 1.2", { version: "1.2", delayMs: 1 }],
  ["a worker that is woken by messages", { version: "2.0", delayMs: 1, waitAsync: false }],
] as const) {
  it(`a device in another thread shows what a device here would show: ${name}`, {
    timeout: 60_000,
  }, async () => {
    const { underTest } = await startInThread(options);
    // Asynchronous answers are tested only if some came while nobody could know.
    const seen = { commands: 51, bytes: 5_001, ambiguity: 2 };
    const result = await walk(underTest, {
      version: options.version,
      accesses: 15_000,
      seen,
      seed: 7,
      pause,
    });
    expect(result.commands).toBeGreaterThan(50);
    expect(result.bytes).toBeGreaterThan(5_000);
    expect(result.ambiguity).toBeGreaterThan(1);
  });
}
