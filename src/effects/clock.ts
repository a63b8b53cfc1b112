/**
 * Whether a time that lies ahead is to be waited for. Nobody waits longer than the code itself ever sets ahead: a time
 * beyond that was set by a clock that has been put back since.
 *
 * @param time - In ms since 1970.
 * @param furthestMs - How far ahead such a time is set at most.
 */
export function isAhead(time: number, now: number, furthestMs: number): boolean {
  return time > now && time <= now + furthestMs;
}
