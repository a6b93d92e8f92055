/** What the page shows, and what its user can ask for. The app fills the one and carries out the other. */

import type { InterfaceName } from "../../device/interfaces/interfaces.ts";
import type { EventLog, ImaComparison, ImaList } from "../../protocol/eventlog/index.ts";
import type { BootTape } from "../../session/recording/index.ts";
import type { TraceRecorder } from "../../session/trace/index.ts";
import type { CommandRecord, PcrBank, PresenceStatus, TpmHandle, TpmStatus } from "../../session/types.ts";
import type { BootCheck } from "../boot-check/index.ts";
import type { FileActions, FilesState } from "./files.ts";
import type { LessonActions, LessonsState } from "./lessons.ts";
import type { LogView } from "./log-view.ts";
import type { KeptMachines, MachineActions } from "./machines.ts";
import type { Choice } from "./selection.ts";
import type { Store } from "./store.ts";
import type { VariableActions, VariablesView } from "./uefi.ts";

/** Where an image comes from: the project's own, an address, or a file that the user picked. */
export type ImageChoice =
  | { kind: "url"; url: string }
  | { kind: "file"; file: File }
  /** A new disk with nothing on it. @param size in bytes */
  | { kind: "empty"; size: number };

/** The places an image of one's own can go to. */
export type ImageSlot = "hda" | "cdrom" | "fda" | "kernel" | "initrd";

/** Everything that decides what the next boot is like. */
export interface BootSettings {
  tpm: "2.0" | "1.2";
  /** What the PC begins with: SeaBIOS, or edk2's OVMF. */
  firmware: "bios" | "uefi";
  /** `auto`: the small one as soon as there is one. */
  kernel: "auto" | "small" | "stock";
  /** Undefined: the command line that the chosen kernel boots best with. */
  cmdline?: string | undefined;
  /** Guest memory in MiB. */
  memory: number;
  /** Makes SeaBIOS show its boot menu, with the TPM's own menu behind `t`. */
  bootMenu: boolean;
  /** Measure kernel, initrd and command line before the kernel starts; v86's own loader measures none of them. */
  measured: boolean;
  /** The registers through which the guest uses the TPM. */
  interface: InterfaceName;
  /** What UEFI firmware gets of this page's kernel: as it is, signed, or signed and then changed by one bit. */
  signature: "none" | "signed" | "tampered";
  /** The guest is told of the TPM's interrupt line; it polls otherwise. */
  interrupt: boolean;
  /** Where the device runs: in a worker if the page can have one, or on the page's own thread in any case. */
  placement: "auto" | "local";
  /** Where the TPM runs. `auto`: native swtpm behind a bridge if one answers, else swtpm in a hidden machine. */
  backend: "auto" | "bridge" | "hidden";
  /** `prepared`: go on with a machine that has booted before, where one fits the other settings. */
  start: "power-on" | "prepared";
  images: Partial<Record<ImageSlot, ImageChoice>>;
}

/** What the page knows of the images that the server offers. */
export interface ImagesInfo {
  guest: string;
  /** `efi`: UEFI firmware can start it. */
  kernels: { name: "small" | "stock"; release: string; size: number; cmdline: string; efi?: boolean }[];
  /** The kernel that `auto` stands for. */
  kernel: "small" | "stock";
  /** A machine that has booted, for these settings; its size in bytes to download. */
  prepared?:
    | { tpm: BootSettings["tpm"]; kernel: "small" | "stock"; memory: number; cmdline: string; size: number }
    | undefined;
  build?: BuildInfo | undefined;
  /** The UEFI firmware: of which version, or how far it is. Neither where this server has none. */
  uefi?: { version: string } | undefined;
  uefiBuild?: BuildInfo | undefined;
  /** Debian on a disk, its size in bytes, its memory in MiB; or how far it is. Neither where nobody makes it. */
  debian?: { url: string; size: number; title: string; memory: number } | undefined;
  debianBuild?: BuildInfo | undefined;
  /** Disks of the server's that UEFI firmware starts from: their addresses. */
  bootDisks?: BootDiskUrls | undefined;
}

export interface BootDiskUrls {
  grub: string;
  systemd: string;
}

/** How far something is that the server makes in the background. */
export interface BuildInfo {
  state: "waiting" | "building" | "done" | "failed";
  percent: number;
  message: string;
}

export type MachinePhase = "off" | "loading" | "running" | "paused" | "failed";

export interface MachineInfo {
  phase: MachinePhase;
  /** While loading: what, and how far (0 to 1). */
  step?: string;
  progress?: number;
  /** Why guest time stands still; empty while it runs. */
  holds: readonly string[];
  /** What boots, in words. */
  label?: string;
  /** How often a machine was started in this page, resets included. */
  boots: number;
  /** It did not boot: it went on from where it, or a prepared one, was saved. */
  resumed?: boolean;
}

/** Who owns the register interface, seen through the registers. */
export interface InterfaceState {
  /** Undefined when no locality is active. */
  locality: number | undefined;
  state: "idle" | "ready" | "reception" | "execution" | "completion";
}

export type { LogView };

/** Linux's own list. */
export interface ImaView {
  list: ImaList;
  /** Where it comes from, in words. */
  source: string;
  /** With these PCRs, where somebody has compared it already: a long list takes seconds. */
  compared?: { pcrs: readonly PcrBank[]; rows: readonly ImaComparison[] };
}

/** What is known of the boot that goes on or went on. */
export type BootView = Pick<BootCheck, "verdict" | "measurement" | "troubles" | "tpmTroubles">;

/** The boot before this one. */
export interface PreviousBoot {
  log: EventLog;
  pcrs: PcrBank[];
  label: string;
  /** Milliseconds since 1970. */
  endedAt: number;
}

/** Something that went wrong or that one should know, with what to do about it. */
export interface Notice {
  id: string;
  level: "info" | "warning" | "error";
  title: string;
  text: string;
  /** The longer story, folded away. */
  more?: string;
  actions: { label: string; run: () => void }[];
}

/** What the guest sends through its first serial port. */
export interface SerialFeed {
  /** Everything since the machine was last started; bounded, the oldest is dropped. */
  readonly text: string;
  /** Calls back with what came since the last call, about once a frame. */
  onData(listener: (bytes: Uint8Array) => void): () => void;
  /** Calls back when the machine starts (again). */
  onStart(listener: () => void): () => void;
}

/** A recording that is played in place of a machine. */
export interface Replay {
  label: string;
  /** Milliseconds since 1970. */
  recordedAt: number;
  /** Milliseconds since the machine's start. */
  time: number;
  duration: number;
  playing: boolean;
  /** Whether it has the accesses to the registers. */
  accesses: boolean;
  /** 1: as fast as it was. */
  speed: number;
}

export interface RecordingActions {
  /** Saves the boot so far, or the recording that is played, as a file. */
  save(): void;
  open(file: File): void;
  play(): void;
  pause(): void;
  /** @param time milliseconds since the machine's start. */
  seek(time: number): void;
  setSpeed(speed: number): void;
  /** Ends the playing and empties the views. */
  stop(): void;
}

/** How much of the page the browser keeps for a life without the network. */
export interface OfflineState {
  /** Bytes, of all. */
  kept: number;
  total: number;
  /** The rest is being fetched. */
  filling: boolean;
  /** Why the rest is not, once an attempt is over. */
  problem?: string | undefined;
}

export type PaneId = string;
export type Theme = "auto" | "light" | "dark";

export interface PageState {
  settings: BootSettings;
  images?: ImagesInfo | undefined;
  machine: MachineInfo;
  serial: SerialFeed;
  /** The element that the machine draws its screen into. */
  screen?: HTMLElement | undefined;
  /** Undefined until a TPM was asked for. */
  tpm?: TpmStatus | undefined;
  handle?: TpmHandle | undefined;
  /** What was asked of the firmware. */
  presence?: PresenceStatus | undefined;
  interface?: InterfaceState | undefined;
  /** Of UEFI firmware; undefined until somebody looked. */
  variables?: VariablesView | undefined;
  /** Undefined while there is no machine. */
  boot?: BootView | undefined;
  /** The handle's own list, which changes in place; `commandNews` counts the changes. */
  commands: readonly CommandRecord[];
  commandNews: number;
  /** How many of this machine's commands came from the guest. */
  guestCommands: number;
  /** The one selection of all views, set by `PageActions.select` only: a command, by id. */
  command?: number | undefined;
  /** The selected event of the log, by index. */
  event?: number | undefined;
  /** Index in Linux's list of the selected entry. */
  entry?: number | undefined;
  /** The selected access of the trace, by sequence number. */
  access?: number | undefined;
  /** The boot that goes on or went on, or that is played. */
  tape?: BootTape | undefined;
  replay?: Replay | undefined;
  /** A TPM without a machine, for the reader to drive. */
  bench: "closed" | "opening" | "open";
  /** Accesses to the registers, and breakpoints; the same object for the page's life. */
  recorder: TraceRecorder;
  pcrs: PcrBank[];
  /** `algorithm:index` of the PCRs that the last change of PCRs touched. */
  changedPcrs: ReadonlySet<string>;
  /** Bank shown by all views. */
  bank: string;
  log?: LogView | undefined;
  /** Once the reader has asked for it. */
  ima?: ImaView | undefined;
  previous?: PreviousBoot | undefined;
  /** Undefined where this page cannot be kept. */
  offline?: OfflineState | undefined;
  /** The machines in this browser's storage. */
  kept: KeptMachines;
  lessons: LessonsState;
  files: FilesState;
  notices: readonly Notice[];
  /** The pane shown in each half, and on a narrow page the one of the two that is shown. */
  panes: { left: PaneId; right: PaneId; front: "left" | "right" };
  theme: Theme;
}

export type PageStore = Store<PageState>;

/** What the views of a TPM can ask for. Nothing here throws or rejects. */
export interface ViewActions {
  readonly files: FileActions;
  showPane(pane: PaneId): void;
  /** Selects in all views. */
  select(choice: Choice | undefined): void;
  selectBank(algorithm: string): void;
  /** Ends the machine and puts a TPM on the bench, whose registers the reader drives. */
  openBench(): void;
}

/** What the user can do. Failures become notices. */
export interface PageActions extends ViewActions {
  readonly recordings: RecordingActions;
  readonly lessons: LessonActions;
  readonly machines: MachineActions;
  readonly variables: VariableActions;
  boot(): void;
  pause(): void;
  resume(): void;
  /** Machine and TPM, as a power cycle does. */
  reset(): void;
  /** Asks the firmware for an operation of the Physical Presence Interface; 0 takes back what was asked for. */
  requestPresence(operation: number): void;
  /** Power-cycles a failed TPM, with a new connection to its backend. */
  reconnect(): void;
  change(settings: Partial<BootSettings>): void;
  setTheme(theme: Theme): void;
  dismiss(noticeId: string): void;
  /** Types into the serial console what a person types. */
  sendSerial(text: string): void;
  /** Types what the page wants to read from the guest: nobody's work is lost with that. */
  askGuest(line: string): void;
  /** Has the browser keep all of the page, to work without the network. */
  keepOffline(): void;
  /** Whether keys and mouse go to the machine's screen. */
  grabKeyboard(grabbed: boolean): void;
}
