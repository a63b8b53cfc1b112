import type { Linter } from "eslint";
import { parseAst } from "vite";

/**
 * Parses TypeScript for ESLint, as far as the import rules need it, since typescript-eslint's parser does not support
 * TypeScript 7. It drops comments, so `eslint-disable` has no effect.
 */
export const typescriptParser: Linter.Parser = {
  parse(code: string) {
    const placed = (node: { start: number; end: number }) => ({
      range: [node.start, node.end],
      loc: { start: placeOf(node.start), end: placeOf(node.end) },
    });
    const placeOf = (index: number) => {
      const lines = code.slice(0, index).split("\n");
      return { line: lines.length, column: lines.at(-1)?.length ?? 0 };
    };
    const place = (node: unknown) => {
      if (typeof node !== "object" || node === null) return;
      Object.values(node).forEach(place);
      if ("start" in node) Object.assign(node, placed(node as { start: number; end: number }));
    };
    const program = parseAst(code, { lang: "ts" });
    place(program);
    const tokens = [...code.matchAll(/\w+|"[^"\n]*"|[^\s\w]/g)].map(({ 0: value, index }) => ({
      type: "Punctuator",
      value,
      ...placed({ start: index, end: index + value.length }),
    }));
    return { ...program, tokens, comments: [] };
  },
};
