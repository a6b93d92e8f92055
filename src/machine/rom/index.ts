/** Measured direct boot and physical presence: everything that other folders use. */
export {
  DirectBoot,
  type DirectBootImages,
  type DirectBootOptions,
  type GuestMemory,
} from "./direct-boot.ts";
export { DirectBootError } from "./linux-image.ts";
export { PRESENCE_ROM_FILE, presenceRom } from "./presence.ts";
