//! Modbus/TCP: whether an answer belongs to its question ("MODBUS Application Protocol Specification V1.1b3", sections 6
//! and 7).

/// Length of the head: transaction, protocol, and number of bytes that follow.
pub(super) const HEAD: usize = 6;

/// Fault of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The device refused, with this exception code.
    Exception(u8),
    /// It is not the answer to this question.
    Unexpected,
}

/// Checks that `answer` is the answer to `question`, both with their heads.
pub(super) fn check(question: &[u8], answer: &[u8]) -> Result<(), Fault> {
    let (Some((asked_head, asked)), Some((head, said))) = (
        question.split_first_chunk::<HEAD>(),
        answer.split_first_chunk::<HEAD>(),
    ) else {
        return Err(Fault::Unexpected);
    };
    let ([unit, function, request @ ..], [said_unit, said_function, values @ ..]) = (asked, said) else {
        return Err(Fault::Unexpected);
    };
    if asked_head[..4] != head[..4] || unit != said_unit {
        return Err(Fault::Unexpected);
    }
    match values {
        [code] if *said_function == function | 0x80 => return Err(Fault::Exception(*code)),
        _ if said_function != function => return Err(Fault::Unexpected),
        _ => {}
    }
    let number = |bytes: &[u8]| {
        let bytes = bytes.get(2..4)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_be_bytes(*bytes)))
    };
    let is_right = match function {
        // Coils and inputs, registers: a count of bytes, then as many.
        1..=4 => number(request).is_none_or(|quantity| {
            let bytes = if *function <= 2 {
                quantity.div_ceil(8)
            } else {
                2 * quantity
            };
            values.first().map(|&count| usize::from(count)) == Some(bytes) && values.len() == 1 + bytes
        }),
        // A single coil or register: the request again.
        5 | 6 => values == request,
        // Several: where, and how many.
        15 | 16 => request.get(..4).is_none_or(|written| values == written),
        _ => true,
    };
    if is_right { Ok(()) } else { Err(Fault::Unexpected) }
}

/// Meaning of an exception code.
pub(super) fn meaning(code: u8) -> &'static str {
    match code {
        1 => "illegal function",
        2 => "illegal data address",
        3 => "illegal data value",
        4 => "server device failure",
        5 => "acknowledged, and still at work",
        6 => "server device busy",
        8 => "memory parity error",
        10 => "gateway path unavailable",
        11 => "gateway target device failed to respond",
        _ => "not in the specification",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn checked(question: &[u8], answer: &[u8]) -> Result<(), Fault> {
        let framed = |body: &[u8]| -> Vec<u8> { [&[9, 0x99, 0, 0, 0, body.len() as u8], body].concat() };
        check(&framed(question), &framed(answer))
    }

    #[test]
    fn answers_belong_to_their_questions() {
        let registers = [1, 3, 0, 0, 0, 2];
        for (question, answer, result) in [
            (&registers[..], &[1, 3, 4, 0, 1, 0, 2][..], Ok(())),
            (&registers, &[1, 0x83, 2], Err(Fault::Exception(2))),
            (&registers, &[1, 4, 4, 0, 1, 0, 2], Err(Fault::Unexpected)),
            (&registers, &[2, 3, 4, 0, 1, 0, 2], Err(Fault::Unexpected)),
            (&registers, &[1, 3, 2, 0, 1], Err(Fault::Unexpected)),
            (&registers, &[1, 3, 4, 0, 1, 0], Err(Fault::Unexpected)),
            (&registers, &[1], Err(Fault::Unexpected)),
            (&[1, 1, 0, 0, 0, 9], &[1, 1, 2, 0, 0], Ok(())),
            (&[1, 6, 0, 1, 0, 7], &[1, 6, 0, 1, 0, 7], Ok(())),
            (&[1, 6, 0, 1, 0, 7], &[1, 6, 0, 1, 0, 8], Err(Fault::Unexpected)),
            (&[1, 16, 0, 1, 0, 1, 2, 0, 7], &[1, 16, 0, 1, 0, 1], Ok(())),
            (&[1, 43, 14, 1, 0], &[1, 43, 14, 1, 0, 0], Ok(())),
            (&[1, 3], &[1, 3, 2, 0, 0], Ok(())),
        ] {
            assert_eq!(checked(question, answer), result, "{question:?} {answer:?}");
        }
        assert_eq!(check(b"", b""), Err(Fault::Unexpected));
        let other = [9, 0x9a, 0, 0, 0, 3, 1, 0x83, 2];
        assert_eq!(
            check(&[9, 0x99, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2], &other),
            Err(Fault::Unexpected)
        );
    }
}
