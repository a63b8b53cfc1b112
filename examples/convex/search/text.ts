/** Convex looks for at most 16 words at once. */
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

/** What is searched for when somebody has typed `typed`: its first 100 characters, of these the first 16 words. */
export function searchText(typed: string): string {
  return normalize(typed.slice(0, MAX_CHARACTERS)).split(" ").slice(0, MAX_WORDS).join(" ");
}

/** What a title is sorted by, and found by as it is typed: as in a library, without an article in front. */
export function titleKey(normalized: string): string {
  return normalized.replace(/^(the|an|a) /, "");
}
