// OLM's formulas for plain numbers: olmlib/olm_equations.py, olmlib/olm.py (solve, update) and the
// simulated heads of companion/lessons/olm/toy.py, so that a page can show them without Python.
// Names, units and defaults are theirs; tests/test_book_browser.py holds the two together.
"use strict";

const OLM = (() => {
  const TINY = 1e-12;
  const sum = (x) => x.reduce((a, b) => a + b, 0);
  const mean = (x) => sum(x) / x.length;
  const clamped = (x, low, high) => Math.min(Math.max(x, low), high);

  function softmax(x) {
    const top = Math.max(...x);
    const powers = x.map((v) => Math.exp(v - top));
    return powers.map((p) => p / sum(powers));
  }

  function bounded(scores, bound) {
    const middle = mean(scores);
    return scores.map((s) => bound * Math.tanh((s - middle) / bound));
  }

  // Eq. 6 and 7.
  function rates(train0, dev0, train, dev, signed) {
    const each = train.map((_, m) => m);
    if (signed) {
      return {
        G: each.map((m) => Math.max(dev0[m] - dev[m], 1e-6)),
        C: each.map((m) => Math.max(dev[m] - train[m] - (dev0[m] - train0[m]), 1e-6)),
      };
    }
    return {
      G: each.map((m) => Math.abs(dev0[m] - dev[m])),
      C: each.map((m) => Math.abs(Math.abs(dev[m] - train[m]) - Math.abs(dev0[m] - train0[m]))),
    };
  }

  // Eq. 8, and the rules in its place.
  const FACTORS = {
    softmax: (G, C) => softmax(G.map((g, m) => Math.min(g / Math.max(C[m], TINY), 1e30))),
    bounded: (G, C, _train0, _train, noise = 0.1, bound = Math.log(2)) =>
      softmax(bounded(G.map((g, m) => Math.log(g + noise) - Math.log(C[m] + noise)), bound)),
    loss_ratio: (_G, _C, train0, train) => {
      const left = train.map((loss, m) => (loss + TINY) / (train0[m] + TINY));
      return left.map((share) => share / sum(left));
    },
  };

  function factors(config, G, C, train0, train) {
    if (config.rule === "uniform") return G.map(() => 1 / G.length);
    return FACTORS[config.factors](G, C, train0, train);
  }

  function boundedNorms(norms, bound = Math.log(1.5)) {
    const logs = norms.map((n) => Math.log(Math.max(n, TINY)));
    return bounded(logs, bound).map((b) => Math.exp(mean(logs) + b));
  }

  const scale = (config, heads) => (config.rescale_target ? heads : 1);

  function targets(config, w, norms, lam) {
    const level = mean(norms.map((n, m) => w[m] * n));
    return lam.map((share) => scale(config, lam.length) * share * level);
  }

  // The slope of Eq. 9, whose targets are held.
  function slope(config, w, norms, lam, rows) {
    const wanted = targets(config, w, norms, lam);
    return norms.map((n, m) => rows * Math.sign(w[m] * n - wanted[m]) * n);
  }

  // The coefficients of a preset, as they move from update to update.
  class Coefficients {
    constructor(config, heads) {
      this.config = config;
      this.w = Array(heads).fill(config.solver === "none" ? config.constant : 1);
      this.moments = this.w.map(() => ({ first: 0, second: 0 }));
      this.taken = 0;
    }

    // rows: samples over which a rule of samples sums; all of them have these norms.
    solve(norms, lam, rows = 1) {
      const config = this.config;
      if (config.solver === "none") return;
      if (config.solver === "adam") {
        this.adam(slope(config, this.w, norms, lam, config.per_sample ? rows : 1));
        return;
      }
      const solution = this.solution(norms, lam);
      const kept = config.smoothing;
      this.w = this.w.map((w, m) => kept * w + (1 - kept) * solution[m]);
      if (config.clamp) this.w = this.w.map((w) => clamped(w, ...config.clamp));
    }

    solution(norms, lam) {
      if (this.config.solver === "norm_free") return lam.map((share) => lam.length * share);
      if (this.config.solver === "closed_form") {
        const wanted = targets(this.config, this.w, norms, lam);
        return norms.map((n, m) => (n > TINY ? wanted[m] / n : this.w[m]));
      }
      let w = lam.map(() => 1); // Algorithm 1
      for (let step = 0; step < this.config.steps; step += 1) {
        const down = slope(this.config, w, norms, lam, 1);
        w = w.map((value, m) => value - this.config.eta * down[m]);
      }
      return w;
    }

    adam(gradient) {
      this.taken += 1;
      const [left1, left2] = [1 - 0.9 ** this.taken, 1 - 0.999 ** this.taken];
      this.w = this.w.map((w, m) => {
        const own = this.moments[m];
        own.first = 0.9 * own.first + 0.1 * gradient[m];
        own.second = 0.999 * own.second + 0.001 * gradient[m] ** 2;
        return w - (this.config.eta * (own.first / left1)) / (Math.sqrt(own.second / left2) + 1e-8);
      });
    }
  }

  // What a preset makes of rates and norms that stay as they are, after some updates.
  // At the start every head has the loss ln C of one that knows nothing.
  function held(config, G, C, norms, updates, classes = 6) {
    const start = G.map(() => Math.log(classes));
    const dev = G.map((g, m) => start[m] - g);
    const train = C.map((c, m) => dev[m] - c);
    const measured = rates(start, start, train, dev, config.signed_rates);
    const lam = factors(config, measured.G, measured.C, start, train);
    const used = config.reference === "warmup" ? boundedNorms(norms) : norms;
    const coefficients = new Coefficients(config, G.length);
    const first = targets(config, coefficients.w, used, lam);
    for (let n = 0; n < updates; n += 1) coefficients.solve(used, lam);
    return { lam, targets: config.solver === "none" ? null : first, w: coefficients.w };
  }

  // Mean cross-entropy of logits that are a at one class and 0 at the others.
  function loss(a, wrong, classes) {
    const top = Math.max(a, 0);
    const normaliser = top + Math.log(Math.exp(a - top) + (classes - 1) * Math.exp(-top));
    return normaliser - a * (1 - wrong);
  }

  function wrongShare(classes, learnt, end, samples) {
    const chance = 1 - 1 / classes;
    return Math.round(samples * (chance + (end - chance) * learnt)) / samples;
  }

  // Heads that answer every coefficient: each wants a scaled size, and grows or shrinks to it.
  function simulate(config, heads, steps, { classes = 6, samples = 60, warmup = 50 } = {}) {
    const coefficients = new Coefficients(config, heads.length);
    const times = config.reduction === "sum" ? samples : 1;
    const smooth = (old, now) =>
      old ? old.map((v, m) => v + (1 - config.smoothing) * (now[m] - v)) : now;
    let size = heads.map(() => 0.5);
    let lam = heads.map(() => 1 / heads.length);
    let [norms, train, dev, train0, dev0] = [heads.map(() => 0), null, null, null, null];
    const records = [];
    for (let step = 0; step < steps; step += 1) {
      const learnt = heads.map((head) => 1 - (1 - head.speed) ** step);
      const seen = size.map((a, m) => (config.weighted_losses ? coefficients.w[m] * a : a));
      const measured = (error) =>
        heads.map(
          (head, m) =>
            times * loss(seen[m], wrongShare(classes, learnt[m], head[error], samples), classes),
        );
      train = smooth(train, measured("train_error"));
      dev = smooth(dev, measured("dev_error"));
      const warming = step < warmup;
      if (!train0 || (warming && config.baseline === "last_of_warmup")) {
        [train0, dev0] = [train, dev];
        if (config.baseline === "log_classes") {
          train0 = dev0 = heads.map(() => Math.log(classes));
        }
      }
      const { G, C } = rates(train0, dev0, train, dev, config.signed_rates);
      if (config.reference === "warmup" && warming) {
        norms = norms.map((n, m) => n + (size[m] - n) / (step + 1));
      } else {
        lam = factors(config, G, C, train0, train);
        const used = config.reference === "current" ? size : boundedNorms(norms);
        coefficients.solve(used, lam, samples);
      }
      const w = [...coefficients.w];
      size = size.map((a, m) => {
        const wanted = 0.5 + (heads[m].confidence - 0.5) * learnt[m];
        return Math.max(a + heads[m].speed * (wanted - w[m] * a), 1e-3);
      });
      records.push({ w, lam: [...lam], size: [...size] });
    }
    return records;
  }

  return { Coefficients, boundedNorms, factors, held, rates, simulate };
})();
