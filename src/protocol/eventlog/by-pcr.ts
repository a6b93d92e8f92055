/** What a list has for each PCR, in the list's order. */
export function byPcr<T extends { pcr: number }>(all: Iterable<T>): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const one of all) {
    const group = groups.get(one.pcr);
    if (group) group.push(one);
    else groups.set(one.pcr, [one]);
  }
  return groups;
}
