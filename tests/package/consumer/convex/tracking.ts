import { v } from "convex/values";
import { action, internalMutation } from "./lazy";

/** Targets of effects: an internal mutation … */
export const viewed = internalMutation({
  args: { flight: v.id("flights"), by: v.optional(v.string()) },
  handler: async (ctx, { flight }) => {
    await ctx.db.insert("audits", { table: "flights", operation: `viewed ${flight}` });
  },
});

/** … and a public action, without arguments. */
export const ping = action({
  args: {},
  handler: async (): Promise<"pong"> => "pong",
});
