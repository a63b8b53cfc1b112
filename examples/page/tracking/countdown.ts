/** `the next view counts in 4:05` */
export function countdown(ms: number): string {
  if (ms <= 0) return "the next view counts";
  const seconds = Math.ceil(ms / 1_000);
  return `the next view counts in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
