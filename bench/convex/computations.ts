/** How often the view's `compute` really ran in this process: `dispatch` only answers what it has scheduled. */
export const computations = { count: 0 };
