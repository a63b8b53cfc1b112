/** Directors, each with the beginning of a title. A search for it gets a film of theirs into the index. */
export const directors = [
  { name: "Lasseter", title: "Toy Story" },
  { name: "Coppola", title: "The Godfather" },
  { name: "Lucas", title: "Star Wars" },
  { name: "Kubrick", title: "The Shining" },
] as const;

/** The first text in the search field. */
export const firstSearch: string = directors[0].title;
