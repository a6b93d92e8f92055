/** A TPM's character device: each command is one write, its response one read (Linux, Documentation/security/tpm). */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { checkCommandMessage, DataMessageError } from "../../../protocol/swtpm/index.ts";
import { TpmBusyError, TpmSourceError } from "./source.ts";

/** A command as a device takes it, in memory of its own. @throws {DataMessageError} for one with swtpm's header before it. */
export function deviceCommand(message: Uint8Array): Uint8Array {
  if (checkCommandMessage(message).framed)
    throw new DataMessageError("this TPM takes no header with a locality before its commands");
  return message.slice();
}

/** No response is longer: the kernel's own buffer for a TPM (TPM_BUFSIZE). */
const MOST_RESPONSE = 4096;

export class DeviceFile {
  readonly path: string;
  readonly #file: FileHandle;
  /** The exchange that runs; never rejects. */
  #running: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** @throws {TpmBusyError} {TpmSourceError} */
  static async open(path: string): Promise<DeviceFile> {
    try {
      return new DeviceFile(path, await open(path, "r+"));
    } catch (cause) {
      throw whyNotOpen(path, cause as NodeJS.ErrnoException);
    }
  }

  /** For ioctls. */
  get descriptor(): number {
    return this.#file.fd;
  }

  /** Resolves when nothing runs; never rejects. */
  get idle(): Promise<unknown> {
    return this.#running;
  }

  /** Runs one command; one at a time. @throws what the system says against it. */
  transact(command: Uint8Array): Promise<Uint8Array> {
    const exchange = this.#transact(command);
    this.#running = exchange.catch(() => undefined);
    return exchange;
  }

  async #transact(command: Uint8Array): Promise<Uint8Array> {
    const { bytesWritten } = await this.#file.write(command, 0, command.length, null);
    if (bytesWritten !== command.length)
      throw new Error(`${this.path} took ${bytesWritten} of ${command.length} bytes`);
    const response = new Uint8Array(MOST_RESPONSE);
    const { bytesRead } = await this.#file.read(response, 0, response.length, null);
    return response.slice(0, bytesRead);
  }

  /** Closes it once what runs is over. */
  close(): Promise<void> {
    this.#closed ??= this.#running.then(() => this.#file.close());
    return this.#closed;
  }
}

function whyNotOpen(path: string, cause: NodeJS.ErrnoException): TpmSourceError {
  switch (cause.code) {
    case "EBUSY":
      return new TpmBusyError(`${path} is in use by ${holders(path)}; it serves one program at a time`, {
        cause,
      });
    case "ENOENT":
    case "ENXIO":
    case "ENODEV":
      return new TpmSourceError(`there is no TPM at ${path}`, { cause });
    case "EACCES":
    case "EPERM":
      return new TpmSourceError(
        `this user may not open ${path}; on Debian members of the group tss may open /dev/tpmrm0`,
        { cause },
      );
  }
  return new TpmSourceError(`${path} cannot be opened: ${cause.message}`, { cause });
}

/** Who has the file open, as far as this user may see that, e.g. "process 4711 (tpm2_nvread)". */
function holders(path: string): string {
  const target = realpathSync(path);
  const found = quietly(() => readdirSync("/proc"), []).filter(
    (pid) =>
      /^\d+$/.test(pid) &&
      quietly(() => readdirSync(`/proc/${pid}/fd`), []).some(
        (fd) => quietly(() => readlinkSync(`/proc/${pid}/fd/${fd}`), "") === target,
      ),
  );
  const named = found.map((pid) => {
    const name = quietly(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim(), "");
    return `process ${pid}${name && ` (${name})`}`;
  });
  return named.join(", ") || "another program";
}

/** What cannot be read, because it has just ended or is another user's, is left out. */
function quietly<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
