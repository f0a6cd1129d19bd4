import Actors
import Testing

struct EmailAddressTests {
    @Test(
        "an address of local part, @ and a domain with a dot is accepted",
        arguments: [
            "ana@example.com", "a.b+c@sub.example.co", "niño@correo.es", "x_y'z@e-mail.example.org", "1@2.33",
        ])
    func accepts(_ text: String) {
        #expect(EmailAddress(text)?.text == text)
    }

    @Test(
        "an address that is not of that form is refused",
        arguments: [
            "", "ana", "@example.com", "ana@", "ana@example", "a@b@c.com", ".ana@example.com", "ana.@example.com",
            "a..b@example.com", "ana@-example.com", "ana@example-.com", "ana@example..com", "ana@.com",
            "a na@example.com", "ana@exa mple.com", "ana@exam_ple.com", "\"ana\"@example.com", "ana@example.com\n",
        ])
    func refuses(_ text: String) {
        #expect(EmailAddress(text) == nil)
    }

    @Test("the local part has at most 64 bytes, a label 63, the whole 254")
    func lengths() {
        let local = String(repeating: "a", count: 64)
        let label = String(repeating: "b", count: 63)
        #expect(EmailAddress("\(local)@example.com") != nil)
        #expect(EmailAddress("\(local)a@example.com") == nil)
        #expect(EmailAddress("a@\(label).com") != nil)
        #expect(EmailAddress("a@\(label)b.com") == nil)
        let domain = "\(label).\(label).\(String(repeating: "c", count: 61))"
        #expect(EmailAddress("\(local)@\(domain)")?.text.utf8.count == 254)
        #expect(EmailAddress("\(local)@\(domain)c") == nil)
    }

    @Test("case does not make two addresses, and the written form is kept")
    func folding() throws {
        let address = try #require(EmailAddress("Ana.Pérez@Example.COM"))
        #expect(address.folded == "ana.pérez@example.com")
        #expect(address.description == "Ana.Pérez@Example.COM")
    }
}

struct FoldedTextTests {
    @Test(
        "accents, case and space do not distinguish cities",
        arguments: [
            ("Bogotá", "bogota"), ("  São   Paulo ", "sao paulo"), ("BOGOTA\u{301}", "bogota"), ("Łódź", "lodz"),
            ("Straße", "strasse"), ("İstanbul", "istanbul"), ("Ærø\tNord\n", "aero nord"), ("Ñuñoa", "nunoa"),
            ("東京", "東京"), ("   ", ""),
        ])
    func folds(_ written: String, _ folded: String) {
        #expect(FoldedText(written).text == folded)
        #expect(FoldedText(folded) == FoldedText(written))
    }
}

struct UsernameTests {
    @Test(
        "a username is first and last name in plain letters and digits",
        arguments: [
            ("José María", "Núñez", "josemaria.nunez"), ("Ana", "", "ana"), ("", "O'Neill 3", "oneill3"),
            ("李", "王", "player"), ("李", "Wang", "wang"),
        ])
    func base(_ first: String, _ last: String, _ username: String) {
        #expect(Username.base(firstName: first, lastName: last) == username)
    }

    @Test("a username's base is cut at its limit")
    func limit() {
        let base = Username.base(
            firstName: String(repeating: "a", count: 30), lastName: String(repeating: "b", count: 30))
        #expect(base.utf8.count == Username.maximumBaseLength)
        #expect(base.hasPrefix("aaa"))
    }
}

struct FailureReasonTests {
    private static let all: [FailureReason] = [
        .notAVideo(allowed: ["mp4", "mov"]), .tooLarge(maximumBytes: 1), .tooShort(seconds: 0, minimum: 1),
        .tooLong(seconds: 9, maximum: 1), .tooManyPixels(width: 1, height: 2, maximum: 1),
        .tooFewLines(height: 1, minimum: 2), .frameRateTooHigh(rate: 2, maximum: 1),
        .tooManyStreams(count: 2, maximum: 1), .unsupportedCodec("x"), .corrupt, .cutShort, .timedOut,
        .processingFailed, .workerLost,
    ]

    @Test("the text is Spanish first, English in brackets")
    func text() {
        #expect(
            FailureReason.tooLarge(maximumBytes: 100_000_000).text
                == "El archivo supera el tamaño máximo de 100 MB. (The file exceeds the maximum size of 100 MB.)")
    }

    @Test("each code has a reason, and each reason a sentence in both languages")
    func complete() {
        #expect(Set(Self.all.map(\.code)) == Set(FailureReason.Code.allCases))
        for reason in Self.all {
            #expect(reason.spanish.hasSuffix(".") && reason.english.hasSuffix("."))
            #expect(reason.spanish != reason.english)
        }
    }

    @Test("seconds are shown with one decimal where there is one")
    func seconds() {
        #expect(
            FailureReason.tooShort(seconds: 0.449, minimum: 1).english == "Your video lasts 0.4 s; the minimum is 1 s.")
        #expect(FailureReason.tooLong(seconds: 600.06, maximum: 600).english.contains("600.1 s; the maximum is 600 s"))
        #expect(FailureReason.tooLong(seconds: .infinity, maximum: 600).english.contains("lasts ? s"))
    }

    @Test("codes are what programs were promised")
    func codes() {
        #expect(
            FailureReason.Code.allCases.map(\.rawValue).sorted() == [
                "corrupt", "cut_short", "frame_rate_too_high", "not_a_video", "processing_failed", "timed_out",
                "too_few_lines", "too_large", "too_long", "too_many_pixels", "too_many_streams", "too_short",
                "unsupported_codec", "worker_lost",
            ])
    }
}
