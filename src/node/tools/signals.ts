/** Ending in order on Ctrl-C or `kill`. */

/**
 * Gives a signal that is aborted when the process is asked to end. A second request ends the process at once.
 * The process ends with the exit code that shells expect once nothing keeps it alive.
 */
export function endOnSignal(): AbortSignal {
  const controller = new AbortController();
  const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
  for (const [name, number] of Object.entries(numbers)) {
    process.on(name, () => {
      process.exitCode = 128 + number;
      if (controller.signal.aborted) process.exit();
      controller.abort(new Error(`ended by ${name}`));
    });
  }
  return controller.signal;
}
