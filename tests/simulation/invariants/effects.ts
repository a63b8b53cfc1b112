import { convexToJson, jsonToConvex } from "convex/values";
import { effectsIn } from "../../nodeSeals.js";
import type { Deployment } from "../app.js";
import type { Ended } from "../engine/backend.js";
import type { LogEvent } from "../engine/logStream.js";
import type { Commit, Store } from "../engine/store.js";
import { asRow, isOfPart, rowsOf } from "../truth.js";
import { OLDEST_SNAPSHOT_MS } from "../weather.js";
import { TARGET } from "./trailing.js";
import { must } from "./violation.js";

/** A key that only forged effects name. */
export const FORGED_GROUP = "forged";
/** The functions that the library and the app schedule. */
const SCHEDULED = ["lazy:recompute", "lazy:act", "lazy:sweep", "lazy:tail", TARGET];

/** The sending of a seal: the snapshot of its query, and whether it has arrived. */
type Sending = Pick<LogEvent, "snapshot" | "isDelivered">;

type RecomputeArgs = { view?: string; args: { group: string } };

/** Follows the effects that readers raised, and forged ones. */
export class Effects {
  private readonly sent: { group: string; seen: bigint; event: Sending }[] = [];
  /** The commit that last set or deleted each row's value. */
  private readonly valueSince = new Map<string, number>();
  /** The commit that last made each row idle. */
  private readonly idleSinceOf = new Map<string, number>();

  /**
   * @param secret - The secret of the deployment's seals.
   * @param isTailed - Whether a tail carries effects: those that it dispatches have arrived.
   */
  constructor(
    private readonly secret: string,
    private readonly isTailed: boolean,
  ) {}

  /** The sendings that have not arrived; with `asked`, only those that asked for that group. */
  open(asked?: string): Sending[] {
    const sent = this.sent.filter(({ group, event }) => !event.isDelivered && (asked ?? group) === group);
    return sent.map(({ event }) => event);
  }

  onSend(events: readonly LogEvent[]): void {
    for (const event of events) this.add(event.line.message, event);
  }

  /**
   * A page forwards seals.
   *
   * @returns A function to call when they have arrived.
   */
  onForward(seals: readonly string[], snapshot: number): () => void {
    const call = { snapshot, isDelivered: false };
    for (const seal of seals) this.add(seal, call);
    return () => {
      call.isDelivered = true;
    };
  }

  private add(text: string, event: Sending): void {
    for (const effect of effectsIn(text, this.secret)) {
      const { view, args } = effect.args as Partial<RecomputeArgs>;
      // A canary asks for no row.
      if (args !== undefined && !isOfPart({ view }))
        this.sent.push({ group: args.group, seen: effect.seen ?? 0n, event });
    }
  }

  onCommit({ number, changes }: Commit): void {
    for (const { table, before, after } of changes) {
      if (table === "groups") {
        const row = asRow((after ?? before) as NonNullable<typeof after>);
        const isSame = before !== null && after !== null && before.asOf === after.asOf;
        if (!isSame) this.valueSince.set(row.args.group, number);
        if (row.idleAt !== before?.idleAt) this.idleSinceOf.set(row.args.group, number);
      } else if (table === "_scheduled_functions" && before === null) {
        const text = JSON.stringify(convexToJson(after));
        must(!text.includes(FORGED_GROUP), () => `A forged effect started a job: ${text}`);
        must(SCHEDULED.includes(String(after?.name)), () => `Nobody asked for this job: ${text}`);
      }
    }
  }

  /**
   * A dispatch logs nothing, since its lines would be delivered to it, for ever. An effect starts nothing if its row was
   * committed since, and long enough ago for every snapshot to show it.
   */
  onEnd(ended: Ended<Deployment>, store: Store): void {
    const { path, lines, args, result, begunAt, snapshot } = ended;
    if (path !== "lazy:dispatch" || "error" in result) return;
    must(lines.length === 0, () => `${path} wrote to the console.`);
    const { effects } = jsonToConvex(args) as unknown as {
      effects: { args: RecomputeArgs; seen: bigint }[];
    };
    if (this.isTailed) this.onDispatch(effects);
    const { superseded } = result.value as { superseded: number };
    const oldest = snapshotAt(store, begunAt - OLDEST_SNAPSHOT_MS);
    const shown = Array.from({ length: snapshot - oldest + 1 }, (_, i) => oldest + i);
    const rows = shown.map((number) => rowsOf(store, number));
    const past = effects.filter(({ args, seen }) =>
      rows.every((shown) => {
        const row = shown.get(args.args?.group);
        return row !== undefined && row.asOf > seen && !isOfPart(args);
      }),
    );
    must(superseded >= past.length, () => {
      return `${path} took up ${JSON.stringify(past)}, which commits before it have answered.`;
    });
  }

  private onDispatch(effects: readonly { args: RecomputeArgs; seen?: bigint }[]): void {
    for (const { args, seen = 0n } of effects) {
      if (isOfPart(args)) continue;
      const same = this.sent.filter((sent) => sent.group === args.args?.group && sent.seen === seen);
      for (const { event } of same) event.isDelivered = true;
    }
  }

  /** The first snapshot that shows a row with its current idle time. */
  idleSince(group: string): number {
    return this.idleSinceOf.get(group) ?? 0;
  }

  /** The fate of the effects of readers who saw a row idle; with `seen`, only of those who saw that commit. */
  fateOfIdle(group: string, seen?: bigint): "none" | "lost" | "arrived" {
    return this.fateSince(this.idleSince(group), group, seen);
  }

  /**
   * The fate of the effects of readers who saw this commit of a row.
   * - `none`: no reader raised one.
   * - `lost`: those that were raised did not arrive.
   * - `arrived`: at least one did.
   */
  fateOf(group: string, seen: bigint): "none" | "lost" | "arrived" {
    return this.fateSince(this.valueSince.get(group) ?? 0, group, seen);
  }

  private fateSince(since: number, group: string, seen?: bigint): "none" | "lost" | "arrived" {
    const asked = this.sent.filter(
      (effect) =>
        effect.group === group && (seen === undefined || effect.seen === seen) && effect.event.snapshot >= since,
    );
    if (asked.length === 0) return "none";
    return asked.some(({ event }) => event.isDelivered) ? "arrived" : "lost";
  }
}

/** The last snapshot that was committed by a time. */
function snapshotAt(store: Store, time: number): number {
  return store.commits.filter(({ committedAt }) => committedAt <= time).length;
}
