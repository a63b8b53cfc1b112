/** A full-text search of Convex uses at most 16 words. */
const MAX_WORDS = 16;
const MAX_CHARACTERS = 100;

/** Words in lower case, without accents and punctuation, each after one space: `"Amélie, 2!"` → `"amelie 2"`. */
export function normalize(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/[\p{M}'’]/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** The search text for a user's input: the first 16 words of its first 100 characters. */
export function searchText(typed: string): string {
  return normalize(typed.slice(0, MAX_CHARACTERS)).split(" ").slice(0, MAX_WORDS).join(" ");
}

/** The title for sorting and for search by its beginning: without a leading article, as in a library's catalogue. */
export function titleKey(normalized: string): string {
  return normalized.replace(/^(the|an|a) /, "");
}
