/**
 * swtpms that run already, on this host or another one, e.g. `swtpm socket --tpm2 --server type=unixio,path=…
 * --ctrl type=unixio,path=…`. Each serves one session at a time and goes on after it. With its control channel it is
 * power-cycled and moved as one of our own; without it, it is taken as it is.
 */
import type { Socket } from "node:net";
import type { BackendInfo } from "../../../backend/port.ts";
import { openSocket, type SocketAddress, type SocketChannel, socketChannel } from "../tcp-channel.ts";
import { answeringControl, withoutShutdown } from "./control.ts";
import { probeChannel, type TpmFacts } from "./probe.ts";
import { type ServedTpm, TpmBusyError, type TpmSource, TpmSourceError } from "./source.ts";

/** One swtpm's two channels, as people write them, e.g. "tcp:127.0.0.1:2321". */
export interface RunningSwtpm {
  data: string;
  control?: string;
}

/** Milliseconds for a connection, and for an answer of the TPM's. */
const LIMIT_MS = 5000;

/** `unix:/path` or `tcp:host:port`. @throws {RangeError} */
export function parseAddress(text: string): SocketAddress {
  const path = /^unix:(.+)$/s.exec(text)?.[1];
  if (path) return { path };
  const [, host = "", digits = ""] = /^tcp:(.+):(\d{1,5})$/s.exec(text) ?? [];
  const port = Number(digits);
  if (host && port > 0 && port <= 65_535) return { host: host.replace(/^\[(.*)\]$/, "$1"), port };
  throw new RangeError(`an address is unix:/path or tcp:host:port, not "${text}"`);
}

/** "data" or "data,control". @throws {RangeError} */
export function parseRunningSwtpm(text: string): RunningSwtpm {
  const [data = "", control, ...rest] = text.split(",");
  if (rest.length > 0) throw new RangeError(`two addresses at most: data and control, not "${text}"`);
  for (const address of [data, control]) if (address !== undefined) parseAddress(address);
  return control === undefined ? { data } : { data, control };
}

/** @param places each for one session at a time. */
export function runningSwtpms(places: readonly RunningSwtpm[]): TpmSource {
  /** Who has which. */
  const users = new Map<RunningSwtpm, string>();
  return {
    owned: false,
    most: places.length,
    title: async () => places.map(nameOf).join(", "),
    async open(version, { name: user }) {
      const errors: Error[] = [];
      for (const place of places) {
        if (users.has(place)) continue;
        users.set(place, user);
        try {
          return await connectTo(place, version, () => users.delete(place));
        } catch (error) {
          users.delete(place);
          errors.push(error as Error);
        }
      }
      if (errors.length > 0) throw new TpmSourceError(errors.map(({ message }) => message).join("; "));
      const taken = [...users].map(([place, who]) => `${nameOf(place)} by ${who}`).join(", ");
      throw new TpmBusyError(`every TPM of this bridge is in use: ${taken}. Close that page, or wait`);
    },
  };
}

const nameOf = ({ data }: RunningSwtpm) => `the TPM at ${data}`;

async function connectTo(
  place: RunningSwtpm,
  version: BackendInfo["version"],
  left: () => void,
): Promise<ServedTpm> {
  const sockets: Socket[] = [];
  const name = nameOf(place);
  const open = async (address: string): Promise<SocketChannel> => {
    const socket = await openSocket(parseAddress(address), address, LIMIT_MS);
    sockets.push(socket);
    return socketChannel(socket, address);
  };
  try {
    const data = await open(place.data);
    const facts = await probeChannel(data, place.data, LIMIT_MS);
    checkFacts(facts, version, name, place.control !== undefined);
    const control =
      place.control === undefined ? answeringControl(facts) : withoutShutdown(await open(place.control));
    const lost = new Promise<string>((resolve) => {
      for (const socket of sockets)
        socket.once("close", () => resolve(`${name} has closed the connection, or has ended`));
    });
    return {
      label: name,
      server: name,
      channels: { control, data },
      lost,
      async stop() {
        for (const socket of sockets) socket.destroy();
        left();
      },
    };
  } catch (error) {
    for (const socket of sockets) socket.destroy();
    throw error;
  }
}

/** @throws {TpmSourceError} when this TPM is not the one that is wanted, or cannot be used as it is. */
export function checkFacts(
  { version, phase }: TpmFacts,
  wanted: BackendInfo["version"],
  name: string,
  switchable: boolean,
): void {
  if (version !== wanted)
    throw new TpmSourceError(
      `${name} is a TPM ${version}; TPM ${wanted} was asked for. Choose the other one`,
    );
  if (phase === "off" && !switchable)
    throw new TpmSourceError(
      `${name} is not powered on, or has failed, and nobody can power it on from here. Start its swtpm with --flags not-need-init, or name its control channel`,
    );
}
