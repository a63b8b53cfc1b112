/** Fails to compile unless its argument is `true`. */
export type Expect<T extends true> = T;

/** Whether two types are the same, `any` and `readonly` told apart. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export type IsAny<T> = 0 extends 1 & T ? true : false;

/** Whether a type is `any`, or a function that takes or returns it. */
export type Leaks<T> =
  IsAny<T> extends true
    ? true
    : T extends (...args: infer Args) => infer Result
      ? IsAny<Args> | IsAny<Args[number]> | IsAny<Result> | IsAny<Awaited<Result>>
      : false;

/** The names of the members that leak `any`. */
export type LeakyMembers<T> = {
  [Name in keyof T]-?: true extends Leaks<T[Name]> ? Name : never;
}[keyof T];
