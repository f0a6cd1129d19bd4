import Testing
import Transport

@Suite("Origin slots")
struct OriginSlotsTests {
    private struct Departure: Equatable {
        let wasRunning: Bool
        let next: UInt?
    }

    private func enter(_ slots: inout OriginSlots, _ id: UInt, _ origin: String) -> Bool {
        slots.enter(id, origin: origin)
    }

    private func leave(_ slots: inout OriginSlots, _ id: UInt, _ origin: String) -> Departure {
        let (wasRunning, next) = slots.leave(id, origin: origin)
        return Departure(wasRunning: wasRunning, next: next)
    }

    @Test("an origin's requests wait in order for a slot, another origin's do not")
    func order() {
        var slots = OriginSlots(maxPerOrigin: 1)
        #expect(enter(&slots, 1, "a") == true)
        #expect(enter(&slots, 2, "a") == false)
        #expect(enter(&slots, 3, "a") == false)
        #expect(enter(&slots, 4, "b") == true)
        #expect(leave(&slots, 1, "a") == Departure(wasRunning: true, next: 2))
        #expect(leave(&slots, 2, "a") == Departure(wasRunning: true, next: 3))
        #expect(leave(&slots, 3, "a") == Departure(wasRunning: true, next: nil))
        #expect(enter(&slots, 5, "a") == true)
    }

    @Test("one that gives up waiting frees no slot and is not called")
    func givesUp() {
        var slots = OriginSlots(maxPerOrigin: 1)
        #expect(enter(&slots, 1, "a") == true)
        #expect(enter(&slots, 2, "a") == false)
        #expect(enter(&slots, 3, "a") == false)
        #expect(leave(&slots, 2, "a") == Departure(wasRunning: false, next: nil))
        #expect(leave(&slots, 1, "a") == Departure(wasRunning: true, next: 3))
    }

    @Test(
        "the origin ends before path, query or fragment",
        arguments: [("http://h:1/a", "http://h:1"), ("https://h?x", "https://h"), ("https://h", "https://h")]
    )
    func origins(url: String, origin: String) {
        #expect(OriginSlots.origin(of: url) == origin)
    }
}
