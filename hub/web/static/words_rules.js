// The words of the pages about rules: English, Chinese.

export const words = {
  "nav.rules": ["Rules", "规则"],
};
