import { v } from "convex/values";
import { api } from "../_generated/api";
import { action } from "../lazy";

/** Answers in words, as a chat assistant would. As with a page's search, the films that it finds get their rows. */
export const answer = action({
  args: { text: v.string() },
  handler: async (ctx, { text }): Promise<string> => {
    const films = await ctx.runQuery(api.search.find.films, { text });
    if (films.length === 0) return `I know no film for "${text}".`;
    return films.map(({ title, year }) => `${title} (${year})`).join(", ");
  },
});
