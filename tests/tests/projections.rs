//! Projections against brute force: the result is a member of the set by its definition, and no other member found in
//! any way is nearer.

use labwire_core::sets::{AffineSpace, Set};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

const DIMENSION: usize = 3;
type Point = [f64; DIMENSION];

/// Independent definition of a set: its membership test, and a map of any vector into it.
struct Case {
    name: &'static str,
    set: Set,
    is_member: fn(&Point) -> bool,
    /// Map onto the set, not necessarily the projection, that leaves every member unchanged.
    pull: fn(Point) -> Point,
}

const CENTER: Point = [0.4, -0.3, 0.2];
const CLOSE: f64 = 1e-9;

fn norm_p(x: &Point, p: f64) -> f64 {
    x.iter().map(|x| x.abs().powf(p)).sum::<f64>().powf(1.0 / p)
}

fn minus(a: &Point, b: &Point) -> Point {
    std::array::from_fn(|i| a[i] - b[i])
}

/// Shrinks towards the centre until the p-norm is at most 0.8.
fn pull_to_ball(x: Point, p: f64, center: Point) -> Point {
    let offset = minus(&x, &center);
    let factor = (0.8 / norm_p(&offset, p)).min(1.0);
    std::array::from_fn(|i| center[i] + factor * offset[i])
}

fn ball(p: f64) -> Set {
    Set::BallP {
        p,
        center: Some(CENTER.to_vec()),
        radius: 0.8,
    }
}

const POINTS: [Point; 4] = [
    [0.0, 0.0, 0.0],
    [1.0, 1.0, -1.0],
    [2.0, 0.0, 0.5],
    [-1.0, 2.0, 0.0],
];

#[allow(clippy::unwrap_used, reason = "test helper")]
fn cases() -> Vec<Case> {
    let center = || Some(CENTER.to_vec());
    vec![
        Case {
            name: "ball1",
            set: Set::Ball1 {
                center: center(),
                radius: 0.8,
            },
            is_member: |x| norm_p(&minus(x, &CENTER), 1.0) <= 0.8 + CLOSE,
            pull: |x| pull_to_ball(x, 1.0, CENTER),
        },
        Case {
            name: "ball2",
            set: Set::Ball2 {
                center: center(),
                radius: 0.8,
            },
            is_member: |x| norm_p(&minus(x, &CENTER), 2.0) <= 0.8 + CLOSE,
            pull: |x| pull_to_ball(x, 2.0, CENTER),
        },
        Case {
            name: "ball_p, p = 1.1",
            set: ball(1.1),
            is_member: |x| norm_p(&minus(x, &CENTER), 1.1) <= 0.8 + CLOSE,
            pull: |x| pull_to_ball(x, 1.1, CENTER),
        },
        Case {
            name: "ball_p, p = 1.5",
            set: ball(1.5),
            is_member: |x| norm_p(&minus(x, &CENTER), 1.5) <= 0.8 + CLOSE,
            pull: |x| pull_to_ball(x, 1.5, CENTER),
        },
        Case {
            name: "ball_p, p = 3",
            set: ball(3.0),
            is_member: |x| norm_p(&minus(x, &CENTER), 3.0) <= 0.8 + CLOSE,
            pull: |x| pull_to_ball(x, 3.0, CENTER),
        },
        Case {
            name: "ball_p, p = 10",
            set: ball(10.0),
            is_member: |x| norm_p(&minus(x, &CENTER), 10.0) <= 0.8 + CLOSE,
            pull: |x| pull_to_ball(x, 10.0, CENTER),
        },
        Case {
            name: "sphere2",
            set: Set::Sphere2 {
                center: center(),
                radius: 0.8,
            },
            is_member: |x| (norm_p(&minus(x, &CENTER), 2.0) - 0.8).abs() <= CLOSE,
            pull: |x| {
                let offset = minus(&x, &CENTER);
                std::array::from_fn(|i| CENTER[i] + 0.8 * offset[i] / norm_p(&offset, 2.0))
            },
        },
        Case {
            name: "simplex",
            set: Set::Simplex { alpha: 1.5 },
            is_member: |x| x.iter().all(|x| *x >= 0.0) && (x.iter().sum::<f64>() - 1.5).abs() <= CLOSE,
            pull: |x| {
                let x = x.map(|x| x.max(0.0) + 1e-300);
                x.map(|entry| 1.5 * entry / x.iter().sum::<f64>())
            },
        },
        Case {
            name: "halfspace",
            set: Set::Halfspace {
                normal: vec![1.0, -2.0, 0.5],
                offset: -1.0,
            },
            is_member: |x| x[0] - 2.0 * x[1] + 0.5 * x[2] <= -1.0 + CLOSE,
            pull: |[x, y, z]| [x.min(-1.0 + 2.0 * y - 0.5 * z), y, z],
        },
        Case {
            name: "hyperplane",
            set: Set::Hyperplane {
                normal: vec![1.0, -2.0, 0.5],
                offset: -1.0,
            },
            is_member: |x| (x[0] - 2.0 * x[1] + 0.5 * x[2] + 1.0).abs() <= CLOSE,
            pull: |[_, y, z]| [-1.0 + 2.0 * y - 0.5 * z, y, z],
        },
        Case {
            name: "affine_space",
            set: Set::AffineSpace(AffineSpace::new(&[1.0, 2.0, 0.0, 0.0, 1.0, -1.0], &[1.0, 0.5]).unwrap()),
            is_member: |x| (x[0] + 2.0 * x[1] - 1.0).abs() <= CLOSE && (x[1] - x[2] - 0.5).abs() <= CLOSE,
            pull: |[_, y, _]| [1.0 - 2.0 * y, y, y - 0.5],
        },
        Case {
            name: "second_order_cone",
            set: Set::SecondOrderCone { alpha: 0.6 },
            is_member: |x| x[0].hypot(x[1]) <= 0.6 * x[2] + CLOSE,
            pull: |[x, y, t]| [x, y, t.max(x.hypot(y) / 0.6)],
        },
        Case {
            name: "epigraph_squared_norm",
            set: Set::EpigraphSquaredNorm,
            is_member: |x| x[0] * x[0] + x[1] * x[1] <= x[2] + CLOSE,
            pull: |[x, y, t]| [x, y, t.max(x * x + y * y)],
        },
        Case {
            name: "finite_set",
            set: Set::Finite(POINTS.map(Vec::from).to_vec()),
            is_member: |x| POINTS.contains(x),
            pull: |x| POINTS[(x[0].to_bits() >> 7) as usize % POINTS.len()],
        },
        Case {
            name: "product",
            set: Set::Product(vec![
                (
                    1,
                    Set::Box {
                        min: vec![0.25],
                        max: vec![0.5],
                    },
                ),
                (3, Set::SecondOrderCone { alpha: 1.0 }),
            ]),
            is_member: |x| (0.25..=0.5).contains(&x[0]) && x[1].abs() <= x[2] + CLOSE,
            pull: |[x, y, t]| [x.clamp(0.25, 0.5), y, t.max(y.abs())],
        },
    ]
}

#[test]
fn no_member_is_nearer() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut uniform = move || (random.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    for Case {
        name,
        set,
        is_member,
        pull,
    } in cases()
    {
        set.check(DIMENSION).unwrap();
        for trial in 0..60 {
            let x: Point = std::array::from_fn(|_| 4.0 * uniform());
            let mut projected = x;
            set.project(&mut projected);
            assert!(is_member(&projected), "{name}: {x:?} to {projected:?}");
            let distance = norm_p(&minus(&x, &projected), 2.0);
            // Members near the result, down to the last digits, and far from it.
            for spread in [1e-6, 1e-4, 1e-2, 0.3, 3.0] {
                for _ in 0..40 {
                    let member = pull(projected.map(|entry| entry + spread * uniform()));
                    let other = norm_p(&minus(&x, &member), 2.0);
                    assert!(
                        other >= distance - 1e-9,
                        "{name}, trial {trial}: {member:?} is nearer to {x:?} than {projected:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn members_stay_where_they_are() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(2);
    let mut uniform = move || (random.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    for case in cases() {
        for _ in 0..200 {
            let member = (case.pull)(std::array::from_fn(|_| 4.0 * uniform()));
            let mut projected = member;
            case.set.project(&mut projected);
            let moved = norm_p(&minus(&member, &projected), 2.0);
            assert!(moved < 1e-9, "{}: {member:?} moved by {moved}", case.name);
        }
    }
}

#[test]
fn extreme_vectors_neither_hang_nor_leave_the_set() {
    for case in cases() {
        for scale in [1e-300, 1e-20, 1e20, 1e100] {
            let mut x = [scale, -2.0 * scale, 0.5 * scale];
            case.set.project(&mut x);
            assert!(x.iter().all(|x| x.is_finite()), "{}: {scale} {x:?}", case.name);
        }
        case.set.project(&mut [f64::NAN; DIMENSION]);
        case.set.project(&mut [f64::INFINITY; DIMENSION]);
    }
}

#[test]
fn the_centre_of_a_sphere_has_a_projection() {
    let sphere = Set::Sphere2 {
        center: Some(CENTER.to_vec()),
        radius: 2.0,
    };
    let mut x = CENTER;
    sphere.project(&mut x);
    assert_eq!(x, [2.4, -0.3, 0.2]);
}
