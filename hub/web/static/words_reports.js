// The words of the pages about energy reports: English, Chinese.

export const words = {
  "nav.reports": ["Energy", "能耗"],
};
