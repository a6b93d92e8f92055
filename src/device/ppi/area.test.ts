import { describe, expect, it, vi } from "vitest";
import { PpiArea } from "./area.ts";
import { ppiConfig } from "./config.ts";
import { PPI_FIELDS, PPI_FUNC, PPI_WINDOW } from "./layout.ts";
import { operationName, PPI_OPERATIONS } from "./operations.ts";

const { base, size } = PPI_WINDOW;
const at = ({ offset }: { offset: number }) => base + offset;

/** As the bus cuts a guest's access of four bytes at an odd address. */
function writeOdd(area: PpiArea, address: number, value: number): void {
  area.write(address, 1, value & 0xff);
  area.write(address + 1, 2, (value >>> 8) & 0xffff);
  area.write(address + 3, 1, value >>> 24);
}

describe("the memory of physical presence", () => {
  it("is plain little-endian memory for accesses of every size", () => {
    const area = new PpiArea();
    area.write(base, 4, 0x89abcdef);
    area.write(base + 4, 2, 0x1234);
    area.write(base + size - 1, 1, 0x1ff);
    expect(area.read(base, 4)).toBe(0x89abcdef);
    expect([0, 1, 2, 3].map((i) => area.read(base + i, 1))).toEqual([0xef, 0xcd, 0xab, 0x89]);
    expect(area.read(base + 4, 2)).toBe(0x1234);
    expect(area.read(base + size - 1, 1)).toBe(0xff);
  });

  it("has fields that lie in it and share no byte", () => {
    const owner = new Map<number, string>();
    for (const [name, field] of Object.entries(PPI_FIELDS)) {
      for (let byte = field.offset; byte < field.offset + field.size; byte++) {
        expect(`${byte}: ${owner.get(byte)}`).toBe(`${byte}: undefined`);
        expect(byte).toBeLessThan(size);
        owner.set(byte, name);
      }
    }
  });

  it("tells what was asked for and answered, once for the writes of one slice", async () => {
    const area = new PpiArea();
    const onChange = vi.fn(() => area.contents);
    area.onChange = onChange;
    writeOdd(area, at(PPI_FIELDS.PPRQ), 23);
    writeOdd(area, at(PPI_FIELDS.PPRM), 0x0102_0304);
    area.write(at(PPI_FIELDS.MOVV), 1, 0x11);
    expect(onChange).not.toHaveBeenCalled();
    await Promise.resolve();
    const asked = { request: 23, parameter: 0x0102_0304, last: 0, result: 0, overwrite: true };
    expect(onChange.mock.results).toEqual([{ type: "return", value: asked }]);
    area.overwritten();
    expect([area.contents.overwrite, area.read(at(PPI_FIELDS.MOVV), 1)]).toEqual([false, 0x10]);
  });

  it("does not tell of writes to the list of operations", async () => {
    const area = new PpiArea();
    area.onChange = () => expect.unreachable("nothing was asked for");
    area.write(base, 1, PPI_FUNC.ALLOWED);
    await Promise.resolve();
    expect(area.read(base, 1)).toBe(PPI_FUNC.ALLOWED);
  });

  it("is emptied by power-on, and comes back from a saved one", () => {
    const area = new PpiArea();
    area.ask(5, 7);
    const saved = area.bytes().slice();
    area.powerOn();
    expect(area.contents).toMatchObject({ request: 0, parameter: 0 });
    area.restore(saved);
    expect(area.contents).toMatchObject({ request: 5, parameter: 7 });
    expect(() => area.restore(new Uint8Array(size + 1))).toThrow(RangeError);
  });

  it("offers what the firmware carries out for a TPM of that family, and nothing without one", () => {
    const area = new PpiArea();
    const offered = () => Array.from({ length: 0x100 }, (_, i) => area.read(base + i, 1));
    for (const family of ["1.2", "2.0"] as const) {
      area.offer(family);
      const implemented = (i: number) => PPI_OPERATIONS[family][i]?.implemented;
      expect(offered()).toEqual(
        Array.from({ length: 0x100 }, (_, i) => (implemented(i) ? PPI_FUNC.ALLOWED : 0)),
      );
      expect(area.read(base + 5, 1)).toBe(PPI_FUNC.ALLOWED);
    }
    area.offer(undefined);
    expect(offered().every((code) => code === PPI_FUNC.NOT_IMPLEMENTED)).toBe(true);
  });
});

describe("physical presence in words", () => {
  it("names operations by family and number", () => {
    expect(operationName("2.0", 23)).toBe("SetPCRBanks (operation 23)");
    expect(operationName("1.2", 14)).toBe("Clear + Enable + Activate (operation 14)");
    expect(operationName("1.2", 23)).toBe("operation 23");
  });

  it("tells firmware where it is, as QEMU does", () => {
    expect(Array.from(ppiConfig("2.0"))).toEqual([0x00, 0x50, 0xd4, 0xfe, 2, 1]);
    expect(Array.from(ppiConfig("1.2"))).toEqual([0x00, 0x50, 0xd4, 0xfe, 1, 1]);
  });
});
