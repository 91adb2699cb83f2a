use super::{Interval, real};

/// The geometric mean of ratios of several cells, and its 95 % interval: of these cells, not of cells in general.
///
/// Ratios are averaged by their logarithms (Fleming and Wallace, How not to lie with statistics, Communications of the ACM 29(3),
/// 1986). The distances of the ends are added as squares, as for a sum of independent estimates (Zou and Donner, Construction
/// of confidence limits about effect measures, Statistics in Medicine 27, 2008). Infinite where one is. None of nothing, or of
/// ratios of which one is 0 and another infinite.
pub fn geometric_mean(ratios: &[Interval]) -> Option<Interval> {
    let count = real(ratios.len());
    let mean = ratios.iter().map(|ratio| ratio.estimate.ln()).sum::<f64>() / count;
    if mean.is_nan() {
        return None;
    }
    let distance = |end: fn(&Interval) -> f64| {
        let square = |ratio: &Interval| {
            let (end, middle) = (end(ratio).ln(), ratio.estimate.ln());
            if end.total_cmp(&middle).is_eq() { 0.0 } else { (end - middle).powi(2) }
        };
        ratios.iter().map(square).sum::<f64>().sqrt() / count
    };
    let ends = [mean - distance(|ratio| ratio.low), mean + distance(|ratio| ratio.high)];
    // An infinite mean with an infinite distance says nothing of that end.
    let [low, high] = ends.map(f64::exp);
    let low = if low.is_nan() { 0.0 } else { low };
    Some(Interval { estimate: mean.exp(), low, high: if high.is_nan() { f64::INFINITY } else { high } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sure(estimate: f64) -> Interval {
        Interval { estimate, low: estimate, high: estimate }
    }

    // np.exp(np.log([1.1, 1.3, .9, 1.25, 1.05, 1.4]).mean())  (numpy 2.4.6)
    #[test]
    fn mean_of_logarithms() {
        let mean = geometric_mean(&[1.1, 1.3, 0.9, 1.25, 1.05, 1.4].map(sure)).unwrap();
        assert!((mean.estimate - 1.154_252_921_466_058_4).abs() < 1e-12, "{mean:?}");
        assert!((mean.high / mean.low - 1.0).abs() < 1e-12, "{mean:?}");
        assert_eq!(geometric_mean(&[]), None);
        assert_eq!(geometric_mean(&[sure(0.0), sure(f64::INFINITY)]), None);
    }

    #[test]
    fn many_cells_are_surer_than_one() {
        let cell = Interval { estimate: 1.2, low: 1.0, high: 1.5 };
        let mean = geometric_mean(&[cell; 4]).unwrap();
        // Four equal ones: half of the distance of one.
        assert!((mean.estimate - 1.2).abs() < 1e-12, "{mean:?}");
        assert!((mean.low - 1.2 * (1.0 / 1.2_f64).sqrt()).abs() < 1e-12, "{mean:?}");
        assert!((mean.high - 1.2 * (1.5 / 1.2_f64).sqrt()).abs() < 1e-12, "{mean:?}");
    }

    #[test]
    fn infinite_where_one_is() {
        let open = Interval { estimate: 1.2, low: 1.0, high: f64::INFINITY };
        let mean = geometric_mean(&[sure(1.0), open]).unwrap();
        assert!(mean.high == f64::INFINITY && mean.low > 0.9 && mean.estimate < 1.2, "{mean:?}");
        let broken = Interval { estimate: f64::INFINITY, low: 2.0, high: f64::INFINITY };
        let mean = geometric_mean(&[sure(1.0), broken]).unwrap();
        assert_eq!((mean.estimate, mean.low, mean.high), (f64::INFINITY, 0.0, f64::INFINITY));
    }
}
