/** `1 film`, `3 films` */
export function filmCount(count: number): string {
  return `${count} film${count === 1 ? "" : "s"}`;
}
