/** How often the view's `compute` ran in this process: what really happened, whatever `dispatch` answers. */
export const computations = { count: 0 };
