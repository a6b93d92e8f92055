/** What a comparison adds up to, in words. */
import type { Totals } from "./session.ts";

/** A paragraph: accesses, commands, and each wanted difference that was seen. */
export function report(title: string, totals: Totals): string {
  const { compared, commands, skipped, differences, occurrences, irqDifferences } = totals;
  const different = [...differences.values()].reduce((sum, count) => sum + count, 0);
  const lines = [
    `${title}: ${compared} accesses compared, ${commands} commands run, ${different} answers differ as wanted, none otherwise`,
    `  interrupt line compared after each batch; it differed as wanted ${irqDifferences} times`,
    `  ${skipped} random accesses were left out: QEMU would hang, corrupt a command, or answer by chance`,
  ];
  for (const [id, times] of [...occurrences].sort()) {
    const alone = differences.get(id) ?? 0;
    const sets = [...differences].filter(([ids]) => ids !== id && ids.split(" + ").includes(id));
    const together = sets.reduce((sum, [, count]) => sum + count, 0);
    lines.push(`  ${id}: came to bear ${times} times; ${alone} answers by it alone, ${together} with others`);
  }
  return lines.join("\n");
}
