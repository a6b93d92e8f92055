/** How far a long step is, told to whoever asked for it. Plain data, so that a terminal and a page can both show it. */

export interface Progress {
  /** What is being done, e.g. "Linux kernel". */
  step: string;
  /** One line for people. */
  message: string;
  /** 0 to 100, when known. */
  percent?: number;
}

export type OnProgress = (progress: Progress) => void;

/** A reporter bound to one step. */
export function step(name: string, report: OnProgress) {
  return (message: string, percent?: number): void =>
    report({ step: name, message, ...(percent === undefined ? {} : { percent }) });
}

/** Prints progress as lines, a repeated message only at every tenth per cent. */
export function printProgress(write: (line: string) => void = (line) => console.log(line)): OnProgress {
  let last = "";
  let lastTenth = 0;
  return ({ step: name, message, percent }) => {
    const text = `${name}: ${message}`;
    const tenth = percent === undefined ? 0 : Math.floor(percent / 10);
    if (text === last && tenth === lastTenth) return;
    last = text;
    lastTenth = tenth;
    write(percent === undefined ? text : `${text} (${Math.floor(percent)} %)`);
  };
}
