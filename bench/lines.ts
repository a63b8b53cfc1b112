/** A figure and its goal. */
export interface Line {
  figure: string;
  value: number;
  goal?: { text: string; isMet: boolean };
  meaning: string;
}

export function plain(figure: string, value: number, meaning: string): Line {
  return { figure, value, meaning };
}

export function exactly(figure: string, value: number, goal: number, meaning: string): Line {
  return { figure, value, meaning, goal: { text: String(goal), isMet: value === goal } };
}

export function atMost(figure: string, value: number, goal: number, meaning: string): Line {
  return {
    figure,
    value,
    meaning,
    goal: { text: `≤ ${goal.toLocaleString("en")}`, isMet: value <= goal },
  };
}

export function section(title: string, lines: Line[], note?: string): string {
  const rows = lines.map(({ figure, value, goal, meaning }) =>
    [
      goal === undefined ? " " : goal.isMet ? "✓" : "✗",
      figure.padEnd(34),
      formatNumber(value).padStart(8),
      (goal === undefined ? "" : `goal ${goal.text}`).padEnd(12),
      meaning,
    ].join("  "),
  );
  return [title, ...rows, ...(note === undefined ? [] : [note])].join("\n");
}

export function formatNumber(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(2);
}
