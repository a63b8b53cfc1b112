/** `1 view`, `3 views` */
export function views(count: number): string {
  return `${count} view${count === 1 ? "" : "s"}`;
}
