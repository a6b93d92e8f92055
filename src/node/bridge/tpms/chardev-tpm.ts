/**
 * A TPM behind a character device with swtpm's ioctls, e.g. one that `swtpm_cuse -n vtpm-test` has made: commands are
 * written and responses read, and it is powered on, moved and measured with as one behind swtpm's sockets is.
 */
import { DeviceFile, deviceCommand } from "./device-file.ts";
import { ioctlOf } from "./ioctl.ts";
import { IoctlControl, ioctlControl } from "./ioctl-control.ts";
import { MemoryChannel } from "./memory-channel.ts";
import { probeTpm } from "./probe.ts";
import { checkFacts } from "./running-swtpm.ts";
import { OnePlace, type ServedTpm, type TpmSource, TpmSourceError } from "./source.ts";

/** For one session at a time. */
export function chardevTpm(path: string): TpmSource {
  const name = `the TPM at ${path}`;
  const place = new OnePlace((user) => `${name} is in use by ${user}. Close that page, or wait`);
  return {
    owned: false,
    most: 1,
    title: async () => name,
    open: (version, session) =>
      place.take(session.name, async (left) => {
        const file = await DeviceFile.open(path);
        try {
          const ioctl = ioctlOf(file.descriptor, path);
          await new IoctlControl(ioctl).capabilities().catch((cause: unknown) => {
            throw new TpmSourceError(`${path} does not know swtpm's ioctls. A chip is served with --tpm`, {
              cause,
            });
          });
          checkFacts(await probeTpm((command) => file.transact(command), path), version, name, true);
          return served(file, ioctlControl(ioctl), name, left);
        } catch (error) {
          await file.close();
          throw error;
        }
      }),
  };
}

function served(
  file: DeviceFile,
  control: ServedTpm["channels"]["control"],
  name: string,
  left: () => void,
): ServedTpm {
  let lose: (reason: string) => void;
  const lost = new Promise<string>((resolve) => {
    lose = resolve;
  });
  const data: MemoryChannel = new MemoryChannel((message) => {
    file.transact(deviceCommand(message)).then(
      (response) => data.say(response),
      (error: Error) => lose(`${name} has failed: ${error.message}`),
    );
  });
  return {
    label: name,
    server: name,
    channels: { control, data },
    lost,
    async stop() {
      await file.close().catch(() => undefined);
      left();
    },
  };
}
