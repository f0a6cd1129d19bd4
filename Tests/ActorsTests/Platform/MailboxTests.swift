import Actors
import Testing

struct MailboxTests {
    @Test("elements arrive in order; what does not fit is refused and counted")
    func overflow() async {
        let mailbox = Mailbox<Int>("numbers", capacity: 2)
        #expect(mailbox.send(1) && mailbox.send(2))
        #expect(!mailbox.send(3))
        #expect(!mailbox.send(4))
        #expect(mailbox.dropped == 2)
        mailbox.finish()
        #expect(await collect(mailbox) == [1, 2])
    }

    @Test("a finished mailbox delivers what came before, takes nothing more, and counts no drop")
    func finish() async {
        let mailbox = Mailbox<Int>("numbers", capacity: 8)
        mailbox.send(1)
        mailbox.finish()
        #expect(!mailbox.send(2))
        #expect(mailbox.dropped == 0)
        #expect(await collect(mailbox) == [1])
    }

    @Test("room that the reader made can be used again")
    func room() async {
        let mailbox = Mailbox<Int>("numbers", capacity: 1)
        mailbox.send(1)
        var iterator = mailbox.elements.makeAsyncIterator()
        #expect(await iterator.next() == 1)
        #expect(mailbox.send(2))
        #expect(await iterator.next() == 2)
    }

    @Test("signals that were not yet seen fold into one")
    func signals() {
        let world = World()
        let signal = Signal()
        for _ in 0..<5 { signal.raise() }
        let seen = Box(0)
        world.start { for await _ in signal.elements { seen.change { $0 += 1 } } }
        #expect(seen.value == 1)
        signal.raise()
        world.settle()
        #expect(seen.value == 2)
    }

    @Test("a finished signal ends its reader after the last one")
    func finishedSignal() {
        let world = World()
        let signal = Signal()
        signal.raise()
        signal.finish()
        let reader = world.start { () -> Int in
            var count = 0
            for await _ in signal.elements { count += 1 }
            return count
        }
        #expect(reader.value == 1)
    }

    private func collect(_ mailbox: Mailbox<Int>) async -> [Int] {
        var all: [Int] = []
        for await element in mailbox.elements { all.append(element) }
        return all
    }
}

struct PermitsTests {
    @Test("at most the given number is out at once, and a returned one is handed out again")
    func conservation() {
        let world = World()
        let permits = Permits(3)
        let taken = Box(0)
        world.start {
            for await _ in permits.available {
                permits.noteTaken()
                taken.change { $0 += 1 }
            }
        }
        #expect(taken.value == 3)
        #expect(permits.taken == 3)
        for round in 1...100 {
            permits.release()
            #expect(permits.taken == 2)
            world.settle()
            #expect(taken.value == 3 + round)
            #expect(permits.taken == 3)
        }
    }

    @Test("finished permits end the reader, and a late return does no harm")
    func finish() {
        let world = World()
        let permits = Permits(1)
        let reader = world.start { for await _ in permits.available { permits.noteTaken() } }
        #expect(!reader.isOver)
        permits.finish()
        world.settle()
        #expect(reader.isOver)
        permits.release()
        #expect(permits.taken == 0)
    }
}
