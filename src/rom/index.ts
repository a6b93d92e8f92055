/** Measured direct boot: everything that other folders use. */
export {
  DirectBoot,
  type DirectBootImages,
  type DirectBootOptions,
  type GuestMemory,
} from "./direct-boot.ts";
export { DirectBootError } from "./linux-image.ts";
