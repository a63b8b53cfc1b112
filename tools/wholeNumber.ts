/**
 * Reads the value of a command line's option.
 *
 * @throws Error naming the option and the value.
 */
export function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new Error(`--${option} is "${text}"; give a whole number from 0.`);
}
