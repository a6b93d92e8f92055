/** What can go wrong with kept machines: one class for each thing that one has to do something else about. */

/** Anything that the vault could not do. What was stored before is as it was. */
export class VaultError extends Error {
  override name = "VaultError";
}

/** There is no room: the browser's quota or the disk is used up. */
export class VaultFullError extends VaultError {
  override name = "VaultFullError";
  constructor(what: string, options?: ErrorOptions) {
    super(
      `${what}: the browser's storage for this page is full. What was saved before is still there; delete snapshots or machines, or free disk space, and try again`,
      options,
    );
  }
}

/** The database was closed under the page, e.g. because the site's data was cleared or another tab needs a newer one. */
export class VaultClosedError extends VaultError {
  override name = "VaultClosedError";
}

/** Stored data is not what was stored. */
export class VaultDamagedError extends VaultError {
  override name = "VaultDamagedError";
  constructor(what: string, how: string, options?: ErrorOptions) {
    super(
      `${what} is damaged: ${how}. It was left as it is; use an older snapshot or an export, if there is one`,
      options,
    );
  }
}

/** Stored data is of a format that came after this code. */
export class VaultNewerError extends VaultError {
  override name = "VaultNewerError";
  constructor(what: string, found: number, known: number, options?: ErrorOptions) {
    super(
      `${what} has format ${found}, and this version of WebTPM knows formats up to ${known}. It was left as it is; open it with a newer version`,
      options,
    );
  }
}

/** There is no machine or snapshot of that id (any more). */
export class VaultMissingError extends VaultError {
  override name = "VaultMissingError";
}

/** A machine of that name is there already, or the name is none. */
export class MachineNameError extends VaultError {
  override name = "MachineNameError";
}

/** Another tab runs this machine. */
export class MachineInUseError extends VaultError {
  override name = "MachineInUseError";
  constructor(name: string, options?: ErrorOptions) {
    super(
      `the machine "${name}" runs in another tab. Use it there, or take it over, which stops it there`,
      options,
    );
  }
}

/** Another tab has taken this machine over: nothing of it may be written from here any more. */
export class MachineLockLostError extends VaultError {
  override name = "MachineLockLostError";
  constructor(options?: ErrorOptions) {
    super(
      "another tab has taken this machine over, so its state was not saved from here. Go on there",
      options,
    );
  }
}

/** A file is no export of a machine, or not all of one. */
export class ImportError extends VaultError {
  override name = "ImportError";
}

/** The passphrase is wrong or missing. */
export class PassphraseError extends VaultError {
  override name = "PassphraseError";
}

/** There is no storage to keep a machine in. */
export class VaultUnavailableError extends VaultError {
  override name = "VaultUnavailableError";
}
