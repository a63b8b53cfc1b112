import type { JSONValue } from "convex/values";
import type { Act } from "./history.js";

/** A call of one of the app's functions. */
export interface Call {
  kind: "query" | "mutation";
  path: string;
  args: { [name: string]: JSONValue };
}

/** Turns acts into calls, and gives every item a unique number. */
export class Calls {
  private itemsMade = 0;

  /** @returns Null for an act that is no call of an app's function. */
  of(act: Act): Call | null {
    const mutation = (path: string, args: Call["args"]): Call => ({ kind: "mutation", path, args });
    switch (act.do) {
      case "subscribe":
      case "ask":
        return { kind: "query", path: "app:read", args: { group: act.group } };
      case "invent":
        return { kind: "query", path: "app:read", args: { group: act.key } };
      case "refresh":
      case "evict":
      case "invalidate":
        return mutation(`app:${act.do}`, { group: act.group });
      case "add":
        return mutation("app:add", this.item(act));
      case "add both":
        return mutation("app:addBoth", this.items(act));
      case "add unawaited":
        return mutation("app:addUnawaited", this.items(act));
      case "add nested":
      case "add and roll back": {
        const rollBack = act.do === "add and roll back";
        return mutation("app:addNested", { ...this.items(act), rollBack });
      }
      case "add around a refresh":
      case "add around a nested refresh": {
        const isNested = act.do === "add around a nested refresh";
        return mutation("app:addAround", { ...this.items(act), group: act.group, isNested });
      }
      case "move":
        return mutation("app:move", { n: this.known(act.item), list: act.list });
      case "remove":
      case "renumber":
        return mutation(`app:${act.do}`, { n: this.known(act.item) });
      case "part": {
        const { part, group, how } = act;
        if (how === "ask") return { kind: "query", path: "app:readPart", args: { part, group } };
        return mutation("app:changePart", { part, group, how });
      }
      default:
        return null;
    }
  }

  private items(act: { list: string; color: string }) {
    return { first: this.item(act), second: this.item(act) };
  }

  private item({ list, color }: { list: string; color: string }) {
    return { list, color, n: ++this.itemsMade };
  }

  private known(item: number): number {
    return 1 + (item % Math.max(this.itemsMade, 1));
  }
}
