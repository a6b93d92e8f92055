import { expect, test } from "vitest";
import { Downloads } from "./downloads.ts";

test("several downloads are told as one, by the name of what most is missing of", () => {
  const told: [string, number][] = [];
  const downloads = new Downloads((step, fraction) => told.push([step, fraction]));
  const kernel = downloads.add("the kernel");
  const guest = downloads.add("the guest");
  kernel(10, 100);
  guest(50, 300);
  guest(300, 300);
  kernel(100, 100);
  expect(told).toEqual([
    ["loading the kernel", 0.1],
    ["loading the guest", 60 / 400],
    ["loading the kernel", 310 / 400],
    ["loading the kernel", 1],
  ]);
});

test("a download of unknown size does not spoil the fraction", () => {
  const told: number[] = [];
  const one = new Downloads((_, fraction) => told.push(fraction)).add("a drive");
  one(10, 0);
  one(20, 0);
  expect(told).toEqual([0, 0]);
});

test("two downloads of one name are two", () => {
  const told: number[] = [];
  const downloads = new Downloads((_, fraction) => told.push(fraction));
  const disk = downloads.add("disk.img");
  const cd = downloads.add("disk.img");
  disk(100, 100);
  cd(50, 300);
  expect(told).toEqual([1, 150 / 400]);
});
