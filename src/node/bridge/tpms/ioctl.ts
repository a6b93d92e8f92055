/** ioctl(2), which Node does not have: through koffi, which npm installs ready to run where it can. */
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { TpmSourceError } from "./source.ts";

/**
 * One ioctl: `argument` is what the driver reads and writes. Runs beside Node's own thread.
 * @throws {IoctlError}
 */
export type Ioctl = (request: number, argument: Uint8Array) => Promise<void>;

/** The driver does not know the request, or failed. */
export class IoctlError extends Error {
  override name = "IoctlError";
}

type NativeIoctl = (
  descriptor: number,
  request: number,
  argument: Uint8Array,
  done: (error: Error | null, result: number) => void,
) => void;

/** What is used of koffi; types of its own are not there where it is not. */
interface Koffi {
  load(library: null): { func(declaration: string): { async: NativeIoctl } };
}

/** An optional package: nothing else here needs it. */
const require = createRequire(import.meta.url);

function loadKoffi(path: string): Koffi {
  try {
    return require("koffi") as Koffi;
  } catch (cause) {
    throw new TpmSourceError(`${path} needs ioctls, and so the package koffi: npm install koffi`, { cause });
  }
}

/** ioctls of one file. @throws {TpmSourceError} where koffi is not installed. */
export function ioctlOf(descriptor: number, path: string): Ioctl {
  // The C library that this process has already.
  const native = loadKoffi(path).load(null).func("int ioctl(int fd, unsigned long request, void *argument)");
  const call = promisify(native.async);
  return async (request, argument) => {
    if ((await call(descriptor, request, argument)) < 0)
      throw new IoctlError(`${path} refused the ioctl 0x${request.toString(16)}`);
  };
}

/** Linux's _IOC, as most architectures have it. @param size of the argument in bytes. */
export function ioctlNumber(
  direction: "read" | "read and write",
  type: string,
  number: number,
  size: number,
): number {
  const bits = direction === "read" ? 2 : 3;
  return ((bits << 30) | (size << 16) | (type.charCodeAt(0) << 8) | number) >>> 0;
}
