/**
 * The event types of TCG event logs: number, meaning, and what each event's digest is the hash of.
 * Sources: TCG PC Client Platform Firmware Profile 1.06, section 10.4.1; TCG PC Client Implementation for
 * Conventional BIOS 1.21, section 11.3; EFI types from the EFI Protocol specification, section 7.
 */

/**
 * What the digest covers: `data` the event's own data; `other` something that is not in the log; `either` one or
 * the other, as the measuring software likes; `nothing` the event is a note and extends no PCR.
 */
type DigestCovers = "data" | "other" | "either" | "nothing";

interface EventTypeRow {
  id: number;
  /** In one line, what such an event records. */
  meaning: string;
  covers: DigestCovers;
  /** What is hashed when it is not the data, in words. */
  measured?: string;
}

const EFI = 0x8000_0000;

export const EVENT_TYPES = {
  EV_PREBOOT_CERT: {
    id: 0,
    meaning: "a certificate used before boot",
    covers: "other",
    measured: "the certificate",
  },
  EV_POST_CODE: {
    id: 1,
    meaning: "firmware code of the power-on self-test",
    covers: "either",
    measured: "the code",
  },
  EV_UNUSED: {
    id: 2,
    meaning: "a type that must not be used",
    covers: "other",
    measured: "something unknown",
  },
  EV_NO_ACTION: { id: 3, meaning: "a note for the reader: no PCR was extended", covers: "nothing" },
  EV_SEPARATOR: { id: 4, meaning: "the line between firmware and what it starts", covers: "data" },
  EV_ACTION: { id: 5, meaning: "something the firmware did, in words", covers: "data" },
  EV_EVENT_TAG: { id: 6, meaning: "a tagged record", covers: "either", measured: "what the tag stands for" },
  EV_S_CRTM_CONTENTS: {
    id: 7,
    meaning: "the code that measures first",
    covers: "other",
    measured: "that code",
  },
  EV_S_CRTM_VERSION: { id: 8, meaning: "version of the code that measures first", covers: "data" },
  EV_CPU_MICROCODE: { id: 9, meaning: "a microcode update", covers: "either", measured: "the update" },
  EV_PLATFORM_CONFIG_FLAGS: {
    id: 10,
    meaning: "firmware settings",
    covers: "either",
    measured: "the settings",
  },
  EV_TABLE_OF_DEVICES: {
    id: 11,
    meaning: "the devices found",
    covers: "either",
    measured: "the table of devices",
  },
  EV_COMPACT_HASH: {
    id: 12,
    meaning: "something measured by the short BIOS call",
    covers: "either",
    measured: "what the caller pointed at; the data only says what that is",
  },
  EV_IPL: {
    id: 13,
    meaning: "code or text that leads to the operating system",
    covers: "either",
    measured: "the code or file that the text names",
  },
  EV_IPL_PARTITION_DATA: {
    id: 14,
    meaning: "data that goes with the boot code, such as a partition table",
    covers: "either",
    measured: "the partition table or boot catalogue",
  },
  EV_NONHOST_CODE: {
    id: 15,
    meaning: "code of a processor beside the CPU",
    covers: "other",
    measured: "that code",
  },
  EV_NONHOST_CONFIG: {
    id: 16,
    meaning: "settings of a processor beside the CPU",
    covers: "either",
    measured: "those settings",
  },
  EV_NONHOST_INFO: {
    id: 17,
    meaning: "that there is a processor beside the CPU",
    covers: "either",
    measured: "it",
  },
  EV_OMIT_BOOT_DEVICE_EVENTS: { id: 18, meaning: "no more boot attempts are recorded", covers: "data" },
  EV_POST_CODE2: { id: 19, meaning: "firmware code, with its name", covers: "other", measured: "the code" },
  EV_EFI_EVENT_BASE: {
    id: EFI,
    meaning: "the number EFI's types start at",
    covers: "other",
    measured: "nothing known",
  },
  EV_EFI_VARIABLE_DRIVER_CONFIG: {
    id: EFI + 1,
    meaning: "a firmware variable, such as Secure Boot's",
    covers: "data",
  },
  EV_EFI_VARIABLE_BOOT: {
    id: EFI + 2,
    meaning: "a boot variable",
    covers: "either",
    measured: "the value of the variable",
  },
  EV_EFI_BOOT_SERVICES_APPLICATION: {
    id: EFI + 3,
    meaning: "an EFI program that was started",
    covers: "other",
    measured: "the program file (its Authenticode hash)",
  },
  EV_EFI_BOOT_SERVICES_DRIVER: {
    id: EFI + 4,
    meaning: "an EFI driver for boot time",
    covers: "other",
    measured: "the driver file (its Authenticode hash)",
  },
  EV_EFI_RUNTIME_SERVICES_DRIVER: {
    id: EFI + 5,
    meaning: "an EFI driver that stays",
    covers: "other",
    measured: "the driver file (its Authenticode hash)",
  },
  EV_EFI_GPT_EVENT: { id: EFI + 6, meaning: "the partition table of the boot disk (GPT)", covers: "data" },
  EV_EFI_ACTION: { id: EFI + 7, meaning: "something the EFI firmware did, in words", covers: "data" },
  EV_EFI_PLATFORM_FIRMWARE_BLOB: {
    id: EFI + 8,
    meaning: "a piece of firmware, by address and length",
    covers: "other",
    measured: "the firmware at that address",
  },
  EV_EFI_HANDOFF_TABLES: {
    id: EFI + 9,
    meaning: "tables handed to the operating system, such as SMBIOS",
    covers: "other",
    measured: "the tables",
  },
  EV_EFI_PLATFORM_FIRMWARE_BLOB2: {
    id: EFI + 0xa,
    meaning: "a named piece of firmware",
    covers: "other",
    measured: "the firmware at that address",
  },
  EV_EFI_HANDOFF_TABLES2: {
    id: EFI + 0xb,
    meaning: "named tables handed to the operating system",
    covers: "other",
    measured: "the tables",
  },
  EV_EFI_VARIABLE_BOOT2: { id: EFI + 0xc, meaning: "a boot variable with its name", covers: "data" },
  EV_EFI_GPT_EVENT2: {
    id: EFI + 0xd,
    meaning: "the partition table (GPT), without what changes",
    covers: "data",
  },
  EV_EFI_HCRTM_EVENT: {
    id: EFI + 0x10,
    meaning: "the hardware's own first measurement",
    covers: "other",
    measured: "the code the hardware measured",
  },
  EV_EFI_VARIABLE_AUTHORITY: {
    id: EFI + 0xe0,
    meaning: "the certificate that allowed a program to start",
    covers: "either",
    measured: "the value of the variable",
  },
  EV_EFI_SPDM_FIRMWARE_BLOB: {
    id: EFI + 0xe1,
    meaning: "firmware of a device, as the device reports it",
    covers: "data",
  },
  EV_EFI_SPDM_FIRMWARE_CONFIG: {
    id: EFI + 0xe2,
    meaning: "settings of a device, as the device reports them",
    covers: "data",
  },
} as const satisfies Record<string, EventTypeRow>;

export type EventTypeName = keyof typeof EVENT_TYPES;

const NAME_BY_ID = new Map(
  (Object.keys(EVENT_TYPES) as EventTypeName[]).map((name) => [EVENT_TYPES[name].id as number, name]),
);

/** The table's name of an event type, or undefined for a number it does not have. */
export function eventTypeName(id: number): EventTypeName | undefined {
  return NAME_BY_ID.get(id);
}

/** The row of an event type, or undefined for a number the table does not have. */
export function eventType(id: number): EventTypeRow | undefined {
  const name = NAME_BY_ID.get(id);
  return name && EVENT_TYPES[name];
}
