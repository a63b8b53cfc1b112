/** Directors, and the beginning of a title of theirs: searched for, it has their films indexed. */
export const directors = [
  { name: "Lasseter", title: "Toy Story" },
  { name: "Coppola", title: "The Godfather" },
  { name: "Lucas", title: "Star Wars" },
  { name: "Kubrick", title: "The Shining" },
] as const;

/** What the field holds at first. */
export const firstSearch: string = directors[0].title;
