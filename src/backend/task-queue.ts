import { BackendClosedError } from "./errors.ts";

/**
 * One thing at a time, in the order of the calls. A task is started synchronously when its turn comes, so that a
 * command on an idle queue is on its way before `push` returns.
 */
export interface Task {
  /** Begins. The task calls {@link TaskQueue.next} when it has ended, once. */
  run(): void;
  /** The task is given up, whether it had begun or not. */
  fail(error: Error): void;
}

export class TaskQueue {
  #current: Task | undefined;
  #waiting: Task[] = [];
  #failure: Error | undefined;

  /** The tasks that have not ended, the one that runs first. */
  get tasks(): readonly Task[] {
    return this.#current ? [this.#current, ...this.#waiting] : [];
  }

  push(task: Task): void {
    if (this.#failure) {
      task.fail(this.#failure);
    } else if (this.#current) {
      this.#waiting.push(task);
    } else {
      this.#current = task;
      task.run();
    }
  }

  /** The current task has ended. */
  next(): void {
    this.#current = this.#waiting.shift();
    this.#current?.run();
  }

  /** Fails the current task, those that wait, and every one to come. */
  fail(error: Error): void {
    this.#failure ??= new BackendClosedError(`the TPM is gone: ${error.message}`, { cause: error });
    const { tasks } = this;
    this.#current = undefined;
    this.#waiting = [];
    for (const task of tasks) task.fail(error);
  }
}
