/** Calls between threads whose errors keep their kind: thrown as a `Failure`, and as an error again on the other side. */
import { isFailure, toError, toFailure } from "../backend/failure.ts";

type Call = (...args: unknown[]) => unknown;

/** For the side that is called: what these functions throw is plain data. They begin within the call, as without it. */
export function throwingFailures<T extends object>(calls: T, names = Object.keys(calls) as (keyof T)[]): T {
  const wrap =
    (name: keyof T) =>
    async (...args: unknown[]) => {
      try {
        return await Reflect.apply(calls[name] as Call, calls, args);
      } catch (error) {
        throw toFailure(error);
      }
    };
  return Object.fromEntries(names.map((name) => [name, wrap(name)])) as T;
}

/** For the side that calls. @param calls functions of another thread, as comlink gives them. */
export function throwingErrors<T extends object>(calls: T): T {
  return new Proxy(calls, {
    get: (target, name) => {
      const call = Reflect.get(target, name) as Call;
      return async (...args: unknown[]) => {
        try {
          return await call(...args);
        } catch (reason) {
          throw isFailure(reason) ? toError(reason) : reason;
        }
      };
    },
  });
}
