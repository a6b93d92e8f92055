/**
 * What each PCR is for. Sources: PC Client Platform Firmware Profile 1.06, section 3.3 (PCR usage); for 8 to 15 what
 * Linux boot loaders, IMA and shim use them for; PC Client Platform TPM Profile 1.05 (16 to 23).
 */
export interface PcrMeaning {
  short: string;
  long: string;
}

const DYNAMIC = {
  short: "DRTM",
  long: "Measured (dynamic) launch; all ones until one happens, and only higher localities may reset it.",
};
const OS = { short: "free for the OS", long: "Free for the operating system to use." };

export const PCR_MEANINGS: readonly PcrMeaning[] = [
  { short: "firmware", long: "The firmware's own code, from the first instruction on." },
  { short: "firmware data", long: "Settings and tables of the firmware, such as SMBIOS." },
  { short: "option ROMs", long: "Code that comes from add-in cards: option ROMs." },
  { short: "ROM settings", long: "Settings of option ROMs." },
  {
    short: "boot loader",
    long: "The code that is started from a boot device, and the attempts to start it.",
  },
  { short: "boot data", long: "Data of the boot loader: partition table, boot catalogue." },
  { short: "maker events", long: "Events that the maker of the computer defines, such as waking up." },
  { short: "secure boot", long: "What decides which code may start: Secure Boot's keys and settings." },
  { short: "command line", long: "Commands and the kernel command line, as boot loaders measure them." },
  { short: "kernel, initrd", long: "Files that were loaded: kernel and initrd." },
  { short: "IMA", long: "What the running Linux measured: its IMA list." },
  { short: "kernel image", long: "Unified kernel images, as systemd's stub measures them." },
  { short: "boot options", long: "Command line and credentials, as systemd's stub measures them." },
  { short: "extensions", long: "System extensions, as systemd's stub measures them." },
  { short: "MOK", long: "Machine owner keys, as shim measures them." },
  { short: "machine id", long: "Machine id and mounted file systems, as systemd measures them." },
  { short: "debugging", long: "For debugging; may be reset at any time." },
  DYNAMIC,
  DYNAMIC,
  DYNAMIC,
  DYNAMIC,
  DYNAMIC,
  DYNAMIC,
  { short: "applications", long: "For applications; may be reset at any time." },
];

export function pcrMeaning(pcr: number): PcrMeaning {
  return PCR_MEANINGS[pcr] ?? OS;
}
