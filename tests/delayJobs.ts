import { vi } from "vitest";

type Syscall = (op: string, args: string) => Promise<string>;
interface Scheduled {
  name: string;
  args: { job?: { kind: string } };
  ts: number;
}

/**
 * Until the test ends: jobs that mutations schedule start late. Until then they are pending, as on a deployment whose
 * scheduler lags.
 *
 * @param lagMs - How much later a job starts than it should.
 */
export function delayJobs(lagMs: (job: Scheduled) => number): void {
  const { Convex: convex } = globalThis as unknown as { Convex: object };
  const original = Object.getOwnPropertyDescriptor(convex, "asyncSyscall")?.get as () => Syscall;
  const delaying: Syscall = async (op, args) => {
    if (op !== "1.0/schedule") return await original.call(convex)(op, args);
    const job = JSON.parse(args) as Scheduled;
    const late = { ...job, ts: job.ts + lagMs(job) / 1_000 };
    return await original.call(convex)(op, JSON.stringify(late));
  };
  const spied = vi.spyOn(convex as { asyncSyscall: unknown }, "asyncSyscall" as never, "get");
  spied.mockReturnValue(delaying as never);
}
